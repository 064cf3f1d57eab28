import { setTimeout as sleep } from 'node:timers/promises'
import { isProcessAlive } from '../base/process-state.ts'

const LOOK_EVERY_MS = 50

/** Resolves when process `pid` does not run any more, or when `signal` is aborted. */
export async function untilProcessEnds(pid: number, signal?: AbortSignal): Promise<void> {
  while (await isProcessAlive(pid)) {
    if (signal?.aborted) return
    await sleep(LOOK_EVERY_MS)
  }
}

/**
 * Asks a mount's process to end and waits for that: it unmounts, gives open files a few seconds, and uploads. Asked once more
 * when `hurry` is aborted, it leaves the rest.
 */
export async function endProcess(pid: number, hurry: AbortSignal): Promise<void> {
  const ask = () => terminate(pid)
  ask()
  hurry.addEventListener('abort', ask, { once: true })
  await untilProcessEnds(pid)
  hurry.removeEventListener('abort', ask)
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
