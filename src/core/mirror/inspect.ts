/** What a person asks of mirrors that no process uses. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeFileLayer } from '../../base/file-layer.ts'
import { numberIn, removeFiles } from './read-files.ts'

/** Bytes that the mirrors take, each in a folder of `folder`; 0 where there are none. */
export async function findMirrorBytes(folder: string): Promise<number> {
  let bytes = 0
  for (const drive of await nodeFileLayer.list(folder))
    for (const name of await nodeFileLayer.list(join(folder, drive)))
      if (numberIn(name) !== undefined)
        bytes += (await nodeFileLayer.stat(join(folder, drive, name))).allocatedBytes
  return bytes
}

/** @requires that no process uses any of them */
export async function removeMirrors(folder: string): Promise<void> {
  for (const drive of await nodeFileLayer.list(folder)) await removeFiles(nodeFileLayer, join(folder, drive))
  await rm(folder, { recursive: true, force: true })
}
