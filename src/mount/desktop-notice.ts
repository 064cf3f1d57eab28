import { spawn } from 'node:child_process'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { ChangeKind } from '../core/index.ts'

/** What comes within this time after a notice is told in one more, ms: a full drive refuses many files at once. */
const TOGETHER_MS = 10_000

export interface DesktopNoticeParts {
  readonly clock: Clock
  readonly log: Log
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Shows one. @throws when there is nothing to show it with */
  readonly show?: (title: string, body: string) => Promise<void>
}

export interface Notice {
  readonly file: string
  readonly kind: ChangeKind
  /** A sentence. */
  readonly reason: string
}

/**
 * Tells whoever sits at the desktop that files need a decision, by the desktop's own notifications (notify-send(1)). Where there
 * is no desktop nothing happens: `status` and the log say it too.
 */
export class DesktopNotices {
  readonly #clock: Clock
  readonly #log: Log
  readonly #show: (title: string, body: string) => Promise<void>
  readonly #hasDesktop: boolean
  #waiting: Notice[] = []
  #cancelTimer: (() => void) | undefined

  constructor({ clock, log, environment = process.env, show = notifySend }: DesktopNoticeParts) {
    this.#clock = clock
    this.#log = log
    this.#show = show
    this.#hasDesktop = Boolean(environment['DBUS_SESSION_BUS_ADDRESS'])
  }

  add(notice: Notice): void {
    if (!this.#hasDesktop) return
    this.#waiting.push(notice)
    if (!this.#cancelTimer) this.#tell()
  }

  close(): void {
    this.#cancelTimer?.()
    this.#waiting = []
  }

  #tell(): void {
    this.#cancelTimer = undefined
    const notices = this.#waiting
    const [first, ...others] = notices
    if (!first) return
    this.#waiting = []
    const title = others.length === 0 ? `${first.file} ${isNot[first.kind]}` : titleOfMany(notices)
    const body = `${others.length === 0 ? '' : `${first.file}: `}${first.reason}\n${whatIsLeft(notices)}: cloudreve-mount pending`
    this.#show(title, escapeMarkup(body)).catch((error: unknown) => {
      this.#log.debug('the desktop could not be told', { reason: String(error) })
    })
    this.#cancelTimer = this.#clock.after(TOGETHER_MS, () => this.#tell())
  }
}

const isNot: Record<ChangeKind, string> = {
  content: 'is not uploaded',
  attributes: 'has not got its attributes',
  'new folder': 'is not made at the server',
  'new link': 'is not made at the server',
  rename: 'is not renamed',
  deletion: 'is not deleted',
}

function titleOfMany(notices: readonly Notice[]): string {
  const areFiles = notices.every(({ kind }) => kind === 'content')
  return areFiles
    ? `${notices.length} files are not uploaded`
    : `${notices.length} changes are not at the server`
}

/** What the server refuses of names that it has is not kept: programs see those again. */
function whatIsLeft(notices: readonly Notice[]): string {
  const isBack = ({ kind }: Notice) => kind === 'rename' || kind === 'deletion'
  if (notices.every(isBack)) return 'What the server has is shown again'
  if (notices.some(isBack)) return 'What waits for you is listed'
  return notices.length > 1 ? 'They are kept on this machine' : 'It is kept on this machine'
}

/** Servers of notifications may read markup in a body, and do not in a title (Desktop Notifications Specification). */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function notifySend(title: string, body: string): Promise<void> {
  const words = ['--app-name=cloudreve-mount', '--icon=dialog-warning', '--', title, body]
  return new Promise((resolve, reject) => {
    const child = spawn('notify-send', words, { stdio: 'ignore' })
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`notify-send has ended with ${code}`))
    })
  })
}
