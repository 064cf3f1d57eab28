export interface ActivityCategory {
  /** The server's name of it, for programs. */
  readonly name: string
  /** What somebody did, for people. */
  readonly words: string
}

const c = (name: string, words: string): ActivityCategory => ({ name, words })

/** The server's audit-log enumeration by number (api/05 §3). Others may come; they are shown by number. */
export const activityCategories: readonly ActivityCategory[] = [
  c('server_start', 'started the server'),
  c('user_signup', 'signed up'),
  c('email_sent', 'was sent an e-mail'),
  c('user_activated', 'activated the account'),
  c('user_login_failed', 'failed to sign in'),
  c('user_login', 'signed in'),
  c('user_token_refresh', 'renewed a sign-in'),
  c('file_create', 'created'),
  c('file_rename', 'renamed'),
  c('set_file_permission', 'changed the permissions'),
  c('entity_uploaded', 'uploaded content'),
  c('entity_downloaded', 'downloaded or viewed'),
  c('copy_from', 'made as a copy'),
  c('copy_to', 'copied'),
  c('move_to', 'moved'),
  c('delete_file', 'deleted for good'),
  c('move_to_trash', 'put into the trash'),
  c('share', 'shared by a link'),
  c('share_link_viewed', 'opened a share link'),
  c('set_current_version', 'made an older version current'),
  c('delete_version', 'deleted a version'),
  c('thumb_generated', 'made a thumbnail'),
  c('live_photo_uploaded', 'uploaded a live photo'),
  c('update_metadata', 'changed tags or metadata'),
  c('edit_share', 'changed a share link'),
  c('delete_share', 'removed a share link'),
  c('mount', 'mounted a storage policy'),
  c('relocate', 'moved to another storage policy'),
  c('create_archive', 'made an archive'),
  c('extract_archive', 'extracted an archive'),
  c('webdav_login_failed', 'failed to sign in over WebDAV'),
  c('webdav_account_create', 'made a WebDAV account'),
  c('webdav_account_update', 'changed a WebDAV account'),
  c('webdav_account_delete', 'removed a WebDAV account'),
  c('payment_created', 'began a payment'),
  c('points_change', 'had a change of points'),
  c('payment_paid', 'paid'),
  c('payment_fulfilled', 'received what was paid for'),
  c('payment_fulfill_failed', 'did not receive what was paid for'),
  c('storage_added', 'got more storage'),
  c('group_changed', 'changed group'),
  c('user_exceed_quota_notified', 'was told that the drive is over its quota'),
  c('user_changed', 'changed the account'),
  c('get_direct_link', 'made a direct link'),
  c('link_account', 'linked another account'),
  c('unlink_account', 'unlinked another account'),
  c('change_nick', 'changed the nickname'),
  c('change_avatar', 'changed the avatar'),
  c('membership_unsubscribe', 'ended a membership'),
  c('change_password', 'changed the password'),
  c('enable_2fa', 'switched two-factor sign-in on'),
  c('disable_2fa', 'switched two-factor sign-in off'),
  c('add_passkey', 'added a passkey'),
  c('remove_passkey', 'removed a passkey'),
  c('redeem_gift_code', 'redeemed a gift code'),
  c('file_imported', 'imported from storage'),
  c('update_view', 'changed the view settings'),
  c('delete_direct_link', 'removed a direct link'),
  c('report_abuse', 'reported abuse'),
  c('oauth_grant_create', 'let an application in'),
  c('oauth_token_exchange', 'signed in through an application'),
  c('oauth_grant_revoke', 'shut an application out'),
]

/** A derived history knows only that something changed, not what (api/05 §6.1). */
export const UPDATE_METADATA = 23
/** Things that a server does by itself. */
export const systemCategories: ReadonlySet<number> = new Set([0, 21])
