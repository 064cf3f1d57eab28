import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FuseDriver } from '../../../src/fuse/driver.ts'
import { mountUnavailable, Workplace } from '../../e2e/harness.ts'
import { DriveView } from '../../harness/drive-view.ts'
import { projectFolder } from '../../harness/embedded-server.ts'
import type { Abilities, EngineHost, Semantics } from '../engine.ts'
import { MountHost, type MountUnderTest } from './mount.ts'

/** What a program sees through the libfuse2 driver: its limits are documented where a user chooses a driver. */
const can: Abilities = {
  times: 'the libfuse2 driver never receives an mtime',
  modes: true,
  symlinks: true,
  xattrs: true,
  renameFlags: 'libfuse 2 knows no flags of rename',
  facts: true,
  server: true,
  requests: true,
  remount: true,
  rawNames: true,
}

export const mountSemantics: Semantics = {
  hardLinks: false,
  specialFiles: false,
  chownToOthers: false,
  anyBytesInNames: false,
  securityXattrs: false,
  // 255 bytes, less what the server's disk adds to the name: ten characters and the digits of the user's number, which a
  // client cannot know and takes for seven.
  maxFileNameBytes: 238,
  maxFolderNameBytes: 255,
  // libfuse 2 renames an unlinked open file to a hidden name, which is a link.
  unlinkedHasNoLink: false,
  unlinkedOutlivesFolder: false,
}

interface NamesModule {
  toServerName(this: void, posixName: string): string
}

const nativeCan: Abilities = { ...can, times: true, renameFlags: 'the server exchanges nothing' }

/** The native driver keeps unlinked files by their numbers, not by hidden names. */
const nativeSemantics: Semantics = {
  hardLinks: mountSemantics.hardLinks,
  specialFiles: mountSemantics.specialFiles,
  chownToOthers: mountSemantics.chownToOthers,
  anyBytesInNames: mountSemantics.anyBytesInNames,
  securityXattrs: mountSemantics.securityXattrs,
  maxFileNameBytes: mountSemantics.maxFileNameBytes,
  maxFolderNameBytes: mountSemantics.maxFolderNameBytes,
  unlinkedHasNoLink: true,
}

interface Kind {
  readonly driver: FuseDriver['name']
  readonly can: Abilities
  readonly semantics: Semantics
}

async function begin({ driver, can, semantics }: Kind): Promise<MountUnderTest> {
  const names = (await import(
    pathToFileURL(join(projectFolder, 'src/core/names/index.ts')).href
  )) as NamesModule
  const place = await Workplace.open()
  const args = ['--driver', driver]
  let mount = await place.mount({ args })
  return {
    mountpoint: place.mountpoint,
    can,
    semantics,
    serverView: (folder) =>
      new DriveView({
        drive: place.drive,
        folder,
        toServerName: names.toServerName,
        mark: () => place.mark(),
      }),
    settle: () => mount.settle(),
    async remount() {
      await mount.unmount()
      mount = await place.mount({ args })
    },
    stop: () => place.close(),
  }
}

/** The built command line, mounted by the libfuse2 driver, on the embedded server. */
export const embeddedMountHost: EngineHost = new MountHost(
  'mount (libfuse2) on the embedded server',
  () => mountUnavailable(),
  () => begin({ driver: 'libfuse2', can, semantics: mountSemantics }),
)

/** The same, mounted by our own driver. */
export const nativeMountHost: EngineHost = new MountHost(
  'mount (native) on the embedded server',
  () => mountUnavailable(),
  () => begin({ driver: 'native', can: nativeCan, semantics: nativeSemantics }),
)
