import { readFile } from 'node:fs/promises'

/** Another one after each start of the machine (random(4)): the same means that no power was lost in between. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
