import { readFileSync } from 'node:fs'

/** Linux tells times of processes in steps of that, ms (proc_pid_stat(5)). */
const tickMs = 10

/** Of all threads of a process since it began, ms. */
export function processorMs(pid: number): number {
  return timesIn(`/proc/${pid}/stat`)
}

/** Of the thread that asks. */
export function ownProcessorMs(): number {
  return timesIn('/proc/thread-self/stat')
}

function timesIn(path: string): number {
  const stat = readFileSync(path, 'utf8')
  // The name of the command, in brackets, may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  return (user + system) * tickMs
}
