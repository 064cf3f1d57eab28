import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import nodeGypBuild from 'node-gyp-build'
import type * as Addon from '../../../native/index.d.ts'
import type { DriverTrouble } from '../driver.ts'
import { DriverError } from '../errors.ts'

export type NativeAddon = typeof Addon

export interface LoadedAddon {
  readonly addon: NativeAddon
  /** It came with the package, or was compiled on this machine. */
  readonly origin: 'prebuilt' | 'built here'
}

/** What this driver was written for; `native/index.d.ts` says when it changes. */
const ABI_VERSION: number = 6
const REMEDY =
  'install a C++ compiler, make and python3 (Debian and Ubuntu: sudo apt-get install g++ make python3), ' +
  'then install cloudreve-mount anew; in a checkout run `npm run build:native`'

/** @throws {DriverError} with the remedy, when there is no addon for this machine or it does not belong to this driver. */
export function loadAddon(): NativeAddon {
  const found = lookForAddon()
  if ('addon' in found) return found.addon
  throw new DriverError(`${found.text}: ${found.remedy}`, { cause: found.cause })
}

/** The addon of the folder `native/` of this package, or why it cannot be used here. */
export function lookForAddon(folder = join(packageFolder(), 'native')): LoadedAddon | DriverTrouble {
  let path: string
  try {
    path = nodeGypBuild.path(folder)
  } catch (error) {
    const machine = `${process.platform}-${process.arch}`
    return trouble(`the native driver comes with no binary for this machine (${machine})`, error)
  }
  let addon: NativeAddon
  try {
    addon = createRequire(import.meta.url)(path) as NativeAddon
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n')
    return trouble(`the native driver cannot be loaded (${reason})`, error)
  }
  if (addon.ABI_VERSION !== ABI_VERSION) {
    return trouble(
      `the native driver is of another version (${addon.ABI_VERSION} instead of ${ABI_VERSION}, in ${path})`,
    )
  }
  return { addon, origin: path.includes(`${sep}prebuilds${sep}`) ? 'prebuilt' : 'built here' }
}

function trouble(text: string, cause?: unknown): DriverTrouble {
  return { text, remedy: REMEDY, cause }
}

/** The folder of this package: sources and what was compiled from them lie at different depths. */
function packageFolder(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'native', 'index.d.ts'))) {
    const parent = dirname(folder)
    if (parent === folder)
      throw new DriverError('the folder native/ of this package is missing: install it anew')
    folder = parent
  }
  return folder
}
