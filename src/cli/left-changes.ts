import { accountName } from './accounts.ts'
import type { CliContext } from './context.ts'
import { counted } from './table.ts'

/** Of each account that is not mounted: what its last mount left here that the server does not have. Sentences. */
export async function leftInWords(
  context: Pick<CliContext, 'accounts' | 'mounts' | 'leftChanges'>,
): Promise<string[]> {
  const mounted = new Set((await context.mounts.list()).map(({ account }) => account))
  const others = (await context.accounts.list()).filter((account) => !mounted.has(accountName(account)))
  const lines = others.map(async (account) => {
    const count = await context.leftChanges(account)
    return count === 0 ? [] : [`${accountName(account)}: ${changesInWords(count)}; its next mount sends them`]
  })
  return (await Promise.all(lines)).flat()
}

/** `3 changes of an earlier mount are not on the server yet`. */
export function changesInWords(count: number): string {
  return `${counted(count, 'change')} of an earlier mount ${count === 1 ? 'is' : 'are'} not on the server yet`
}
