import { readFile } from 'node:fs/promises'

/**
 * When process `pid` started, in clock ticks since boot (proc(5), stat field 22): tells it from a later one with its number.
 * undefined: there is no such process, or it has ended and only its parent did not notice. In containers that may stay so for ever.
 */
export async function processStartTicks(pid: number): Promise<string | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`)
  // The second field is the program's name in brackets and may itself hold blanks and brackets.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields ?? []
  return state === 'Z' || state === 'X' ? undefined : fields?.at(19)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
