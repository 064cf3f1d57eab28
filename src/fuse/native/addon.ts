import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type * as Addon from '../../../native/index.d.ts'
import { DriverError } from '../errors.ts'

export type NativeAddon = typeof Addon

/** What this driver was written for; `native/index.d.ts` says when it changes. */
const ABI_VERSION: number = 1
const BINARY = join('native', 'build', 'Release', 'cloudreve_fuse.node')
const REMEDY = 'build it with `npm run build:native`, which needs a C++ compiler and the headers of Node.js'

/** @throws {DriverError} with the remedy, when the addon was not built or is not the one that belongs to this driver. */
export function loadAddon(): NativeAddon {
  const path = join(packageFolder(), BINARY)
  if (!existsSync(path)) throw new DriverError(`the native driver was not built for this machine: ${REMEDY}`)
  let addon: NativeAddon
  try {
    addon = createRequire(import.meta.url)(path) as NativeAddon
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n')
    throw new DriverError(`the native driver cannot be loaded (${reason}): ${REMEDY}`, { cause: error })
  }
  if (addon.ABI_VERSION !== ABI_VERSION) {
    throw new DriverError(
      `the native driver is of another version (${addon.ABI_VERSION} instead of ${ABI_VERSION}): ${REMEDY}`,
    )
  }
  return addon
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
