/** What the server said about an account, judged and in words. */
import type { WireVersionRetention } from '../../api/schema.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

const DAY_MS = 86_400_000
/** A sign-in that ends sooner may end while nobody looks. */
const SOON_MS = 3 * DAY_MS

/** @param untilMs by the server's clock; undefined: a password signs in again */
export function signInFinding(untilMs: number | undefined, nowMs: number, remedy: string): Finding {
  if (untilMs === undefined)
    return ok('sign-in', 'valid; the password of the environment signs in again when it ends')
  const day = new Date(untilMs).toISOString().slice(0, 10)
  const text = `valid until ${day}; each mount until then renews it`
  return untilMs - nowMs < SOON_MS ? warn('sign-in', `valid until ${day} only`, remedy) : ok('sign-in', text)
}

/** Programs such as make and rsync compare times of both. */
const SKEW_MS = 10_000

/** @param skewMs server minus this machine */
export function clockFinding(skewMs: number): Finding {
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  if (Math.abs(skewMs) < SKEW_MS) {
    return ok('clock', `this machine and the server agree${seconds === 0 ? '' : ` within ${seconds} s`}`)
  }
  const words = skewMs > 0 ? 'behind' : 'ahead of'
  return warn(
    'clock',
    `the clock of this machine is ${inWords(seconds)} ${words} the server's: times of files look wrong`,
    'set the clock that is wrong; here `timedatectl set-ntp true` keeps it right',
  )
}

function inWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

const RETENTION_REMEDY =
  'switch version retention on in your settings in the web interface: a mount changes no settings of the account'

export function retentionFinding(retention: WireVersionRetention): Finding {
  const { version_retention_enabled: isOn, version_retention_max: max } = retention
  const extensions = retention.version_retention_ext ?? []
  if (!isOn) {
    return warn(
      'versions',
      'the account keeps no older versions: what is overwritten, here or elsewhere, is gone',
      RETENTION_REMEDY,
    )
  }
  const kept = max > 0 ? `the last ${max} versions of a file` : 'all versions of a file'
  if (extensions.length === 0)
    return ok('versions', `overwritten content is kept: ${kept}, the current one included`)
  const named = extensions.map((extension) => `.${extension}`).join(', ')
  return warn(
    'versions',
    `${kept} are kept for ${named} only: what is overwritten in other files is gone`,
    RETENTION_REMEDY.replace('switch version retention on', 'clear the extensions of version retention'),
  )
}

const GIB = 1024 ** 3

/** @param capacity in bytes */
export function spaceFinding({ total, used }: { readonly total: number; readonly used: number }): Finding {
  const leftBytes = total - used
  const words = `${gib(Math.max(0, leftBytes))} of ${gib(total)} GiB left on the drive`
  const remedy =
    'empty the trash of the drive, delete old versions, or ask the operator for space: all of them count'
  if (leftBytes <= 0) return fail('space', `${words}: nothing can be saved`, { remedy })
  if (leftBytes < total * 0.05) return warn('space', words, remedy)
  return ok('space', words)
}

function gib(bytes: number): string {
  return (bytes / GIB).toFixed(bytes < GIB ? 2 : 1)
}
