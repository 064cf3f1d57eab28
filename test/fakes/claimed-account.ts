import { AccountClaim, claimAccount, type ClaimRequest } from '../../src/mount/account-claim.ts'

/** Claims an account that nobody serves. */
export async function claimedAccount(request: ClaimRequest): Promise<AccountClaim> {
  const claim = await claimAccount(request)
  if (claim instanceof AccountClaim) return claim
  throw new Error(`process ${claim.holder.pid} serves ${claim.holder.account}`)
}
