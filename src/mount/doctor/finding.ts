/** What an examination found: one thing that was looked at, how it is, and what helps. */
import { messageOf } from '../../base/error-message.ts'

/** `warn`: works, but not as well as it could; `fail`: something that a mount does will not work. */
export type FindingLevel = 'ok' | 'warn' | 'fail'

export interface Finding {
  /** A word or two: `kernel`, `sign-in`. */
  readonly check: string
  readonly level: FindingLevel
  /** One sentence for a person. Holds no secret. */
  readonly text: string
  /** What to do; always there unless `level` is `ok`, where it only matters to who misses something. */
  readonly remedy?: string
  /** What kind of failure, where a caller may want to know. */
  readonly cause?: FailureCause
  /** `ann@example.com at cloud.example.com`; absent for what concerns this machine. */
  readonly account?: string
}

export type FailureCause = 'sign-in' | 'unreachable'

export function ok(check: string, text: string): Finding {
  return { check, level: 'ok', text }
}

export function warn(check: string, text: string, remedy: string): Finding {
  return { check, level: 'warn', text, remedy }
}

export function fail(
  check: string,
  text: string,
  { remedy, cause }: { readonly remedy: string; readonly cause?: FailureCause },
): Finding {
  return { check, level: 'fail', text, remedy, ...(cause ? { cause } : {}) }
}

/** A look that itself went wrong is a finding too: the others go on. */
export async function looked(check: string, look: () => Promise<Finding> | Finding): Promise<Finding> {
  try {
    return await look()
  } catch (error) {
    const reason = messageOf(error)
    return fail(check, `this could not be looked at: ${reason}`, {
      remedy: 'put right what the sentence says, and run `cloudreve-mount doctor` again',
    })
  }
}
