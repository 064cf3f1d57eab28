import { MountError, type MountSpec } from '../mount/spec.ts'
import type { CliContext } from './context.ts'

/** Who mistypes a password may try again. */
const TRIES = 3

/**
 * Starts a mount; where the share behind it wants a password and somebody sits at the terminal, he is asked for it. One that was said
 * in the environment counts.
 */
export async function withSharePassword<T>(
  { io, prompts }: Pick<CliContext, 'io' | 'prompts'>,
  spec: MountSpec,
  start: (spec: MountSpec) => Promise<T>,
): Promise<T> {
  let asked = spec
  for (let triesLeft = TRIES; ; triesLeft -= 1) {
    try {
      return await start(asked)
    } catch (error) {
      const isAboutPassword = error instanceof MountError && error.kind === 'sharePassword'
      if (!isAboutPassword || spec.share?.password !== undefined || !io.canAsk || triesLeft === 0) throw error
      if (asked !== spec) io.err(error.message)
      asked = { ...spec, share: { ...spec.share, password: await prompts.secret('Password of the share') } }
    }
  }
}
