import type { MountParams } from './account-service.ts'
import { connectTo } from './control-client.ts'
import type { UnmountResult } from './control-results.ts'
import { mountsOf } from './registry.ts'
import { exitCodes, type ControlClient, type Json, type MountSpec, type ServingProcess } from './spec.ts'
import type { StopRequests } from './stop-requests.ts'

/**
 * Has a mount made by the process that serves the account already, which serves it from then on. Answers a connection on which
 * it can be asked about the mount.
 *
 * @throws {MountError} with the sentence of that process; `ending` when it cannot take one more
 */
export async function handOver(
  holder: ServingProcess,
  spec: MountSpec,
  onNote: (sentence: string) => void,
): Promise<ControlClient> {
  const [first] = mountsOf(holder)
  const client = await connectTo({ ...first!, mountpoint: spec.mountpoint })
  try {
    const params: MountParams = { spec }
    await client.call('mount', params as unknown as Json, (sentence) => {
      if (typeof sentence === 'string') onNote(sentence)
    })
    return client
  } catch (error) {
    client.close()
    throw error
  }
}

export interface WatchParts {
  readonly stops: StopRequests
  readonly onDrain: (event: Json) => void
}

/**
 * Waits for the end of a mount that another process serves, and unmounts it when this process is asked to end. Resolves with an
 * exit code.
 *
 * @throws {MountError} when the other process ends without a word
 */
export async function watchMount(client: ControlClient, { stops, onDrain }: WatchParts): Promise<number> {
  // What becomes of it is told by `ended`.
  const unmount = () => void client.call('unmount').catch(() => undefined)
  if (stops.stop.aborted) unmount()
  else stops.stop.addEventListener('abort', unmount)
  const hurried = new Promise<undefined>((resolve) => {
    stops.hurry.addEventListener('abort', () => resolve(undefined))
  })
  const ended = client.call('ended', null, onDrain)
  const result = (await Promise.race([ended, hurried])) as UnmountResult | undefined
  return result?.state === 'ended' && result.left === 0 ? exitCodes.ok : exitCodes.notDrained
}
