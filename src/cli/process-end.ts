const LOOK_EVERY_MS = 100

/** Resolves when process `pid` does not exist any more, or when `signal` is aborted. */
export function untilProcessEnds(pid: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (signal?.aborted || !isAlive(pid)) {
        clearInterval(timer)
        resolve()
      }
    }, LOOK_EVERY_MS)
  })
}

/**
 * Asks a mount's process to end and waits for that: it unmounts, gives open files a few seconds, and uploads. Asked once more
 * when `hurry` is aborted, it leaves the rest.
 */
export async function endProcess(pid: number, hurry: AbortSignal): Promise<void> {
  const ask = () => void isAlive(pid, 'SIGTERM')
  ask()
  hurry.addEventListener('abort', ask, { once: true })
  await untilProcessEnds(pid)
  hurry.removeEventListener('abort', ask)
}

function isAlive(pid: number, signal: NodeJS.Signals | 0 = 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}
