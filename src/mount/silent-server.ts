/** A server that does not answer in time. */
import { ApiError } from '../api/errors.ts'
import { RemoteError } from '../remote/errors.ts'

/** What is said of a server that has not answered in time, with the cause that tells a person's words and the exit code. */
export function silentServer(origin: string, deadlineMs: number): RemoteError {
  const cause = new ApiError('lost', `no answer for ${Math.round(deadlineMs / 1000)} s`, { endpoint: origin })
  return new RemoteError('offline', `${origin} does not answer`, { cause })
}

/** What is on its way still: nobody waits for it any more. */
export function closeWhenItComes(asked: Promise<{ close(): Promise<void> }>): void {
  asked.then(
    (answer) => answer.close(),
    () => undefined, // told already, or too late
  )
}
