import type { EngineHost } from '../conformance/engine.ts'
import { ModelRun } from './harness.ts'
import type { Operation } from './operations.ts'

/** The error of a run over a fresh folder, undefined when everything agreed. */
export async function failureOf(
  host: EngineHost,
  operations: readonly Operation[],
): Promise<Error | undefined> {
  const engine = await host.fresh()
  const run = new ModelRun(engine)
  try {
    await run.run(operations)
  } catch (error) {
    await run.abandon()
    await engine.close().catch((second: unknown) => console.error('leaving failed too:', second))
    return error instanceof Error ? error : new Error(String(error))
  }
  await engine.close()
  return undefined
}

/**
 * Fewer operations that fail as well: parts are left out, large ones first, as long as that leads anywhere within `deadlineMs`.
 */
export async function shrink<Step>(
  failing: readonly Step[],
  failureOf: (candidate: readonly Step[]) => Promise<Error | undefined>,
  deadlineMs: number,
): Promise<readonly Step[]> {
  const until = performance.now() + deadlineMs
  let best = failing
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = best.length - size; start > -size; start -= size) {
      if (performance.now() > until) return best
      const from = Math.max(0, start)
      const candidate = [...best.slice(0, from), ...best.slice(from + size)]
      if (candidate.length < best.length && (await failureOf(candidate))) best = candidate
    }
  }
  return best
}
