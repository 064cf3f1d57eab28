/** What is known of a drive, on the local disk. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFolder } from '../base/folder-lock.ts'
import { Mirror } from '../core/index.ts'
import type { ComposeParts } from './composition.ts'

export interface DriveMirrorParts extends ComposeParts {
  /** The account's, for what is disposable. */
  readonly cacheFolder: string
  /** The drive's own below the account's folders; the user's own drive has none there. */
  readonly driveFolder: readonly string[]
  /** 0 = none is wanted. */
  readonly maxObjects: number
}

export interface DriveMirror {
  readonly mirror: Mirror
  close(): Promise<void>
}

/** Where the mirrors of an account's drives lie, each in a folder of its own. */
export function mirrorsFolder(cacheFolder: string): string {
  return join(cacheFolder, 'mirror')
}

/** undefined: none is wanted, or it cannot be had, which is no reason not to mount. */
export async function openDriveMirror(parts: DriveMirrorParts): Promise<DriveMirror | undefined> {
  const { clock, log, cacheFolder, driveFolder, maxObjects } = parts
  if (maxObjects === 0) return undefined
  const folder = join(mirrorsFolder(cacheFolder), driveFolder.length === 0 ? 'my' : join(...driveFolder))
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const unlock = await lockFolder(folder)
    try {
      const mirror = await Mirror.open({ folder, maxObjects, clock, log })
      const close = async () => {
        await mirror.close()
        await unlock()
      }
      return { mirror, close }
    } catch (error) {
      await unlock()
      throw error
    }
  } catch (error) {
    log.warn('what is known of the drive is not kept on the local disk: its folder cannot be used', {
      folder,
      error,
    })
    return undefined
  }
}
