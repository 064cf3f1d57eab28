import { readFile } from 'node:fs/promises'

/** Flag of a process that is on its way out (`PF_EXITING` of the kernel's sched.h): it runs no code of ours any more. */
const EXITING = 0x4

export interface ProcessState {
  /** Start of the process in clock ticks since boot: tells it from a later one with its id. */
  readonly startTicks: string
  /** It ended, or is ending, and only its parent has not taken notice: a zombie holds no files. */
  readonly hasEnded: boolean
}

/** What the kernel says of a process (proc_pid_stat(5)); undefined: there is none with that id. */
export async function processState(pid: number): Promise<ProcessState | undefined> {
  try {
    return parseProcessStat(await readFile(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

/** A process with that id does something still. */
export async function isProcessAlive(pid: number): Promise<boolean> {
  const state = await processState(pid)
  return state !== undefined && !state.hasEnded
}

export function parseProcessStat(text: string): ProcessState {
  // The second field is the program's name in brackets and may itself hold blanks and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const state = fields[0] ?? ''
  return {
    startTicks: fields[19] ?? '',
    hasEnded: ['Z', 'X', 'x'].includes(state) || (Number(fields[6]) & EXITING) !== 0,
  }
}
