import { readFileSync } from 'node:fs'
import { AccountStore } from '../auth/account-store.ts'
import { desktopKeyring } from '../auth/keyring.ts'
import { paths as xdgPaths } from '../config/paths.ts'
import { StoredAccounts } from './accounts.ts'
import type { CliContext } from './context.ts'
import { processIo } from './io.ts'
import { mountStarter } from './mount-starter.ts'
import { RunningMounts } from './mounts.ts'
import { terminalPrompts } from './prompts.ts'

/** The context of a real command line. */
export function processContext(): CliContext {
  const paths = xdgPaths(process.env)
  const store = new AccountStore({
    folder: paths.stateFolder,
    keyring: desktopKeyring,
    onPlainFile: (path) =>
      processIo.err(
        `There is no desktop keyring here: the sign-in is kept in ${path}, which only you can read.`,
      ),
  })
  return {
    io: processIo,
    prompts: terminalPrompts,
    paths,
    mounts: new RunningMounts(paths.runtimeFolder),
    accounts: new StoredAccounts(store),
    starter: mountStarter(processIo),
    async leftChanges(account) {
      const { leftChanges } = await import('../mount/left-changes.ts')
      return leftChanges(paths, account)
    },
    version: packageVersion(),
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
