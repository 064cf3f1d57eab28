import { spawn } from 'node:child_process'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'

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
    const [first, ...others] = this.#waiting
    if (!first) return
    this.#waiting = []
    const title =
      others.length === 0 ? `${first.file} is not uploaded` : `${others.length + 1} files are not uploaded`
    const body = `${others.length === 0 ? '' : `${first.file}: `}${first.reason}\nIt is kept on this machine: cloudreve-mount pending`
    this.#show(title, escapeMarkup(body)).catch((error: unknown) => {
      this.#log.debug('the desktop could not be told', { reason: String(error) })
    })
    this.#cancelTimer = this.#clock.after(TOGETHER_MS, () => this.#tell())
  }
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
