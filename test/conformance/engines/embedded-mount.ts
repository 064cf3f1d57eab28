import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { driverUnavailable } from '../../e2e/each-driver.ts'
import { mountUnavailable, Workplace } from '../../e2e/harness.ts'
import { DriveView } from '../../harness/drive-view.ts'
import { projectFolder } from '../../harness/embedded-server.ts'
import { driverDifferences, driverNames, expectedOf, type DriverName } from '../driver-differences.ts'
import type { Abilities, EngineHost, Semantics } from '../engine.ts'
import { MountHost, type MountUnderTest } from './mount.ts'

function abilitiesOf(driver: DriverName): Abilities {
  return {
    times: expectedOf(driver, 'chosenTimes') || driverDifferences.chosenTimes.reason,
    modes: true,
    symlinks: true,
    xattrs: true,
    renameNoReplace: expectedOf(driver, 'renameNoReplace') || driverDifferences.renameNoReplace.reason,
    renameExchange: 'the server exchanges nothing',
    facts: true,
    server: true,
    requests: true,
    remount: true,
    rawNames: true,
  }
}

export function semanticsOf(driver: DriverName): Semantics {
  return {
    hardLinks: false,
    specialFiles: false,
    chownToOthers: false,
    anyBytesInNames: false,
    securityXattrs: false,
    // 255 bytes, less what the server's disk adds to the name: ten characters and the digits of the user's number, which a
    // client cannot know and takes for seven.
    maxFileNameBytes: 238,
    maxFolderNameBytes: 255,
    unlinkedOutlivesFolder: expectedOf(driver, 'unlinkedOutlivesFolder'),
  }
}

interface NamesModule {
  toServerName(this: void, posixName: string): string
}

async function begin(driver: DriverName): Promise<MountUnderTest> {
  const names = (await import(
    pathToFileURL(join(projectFolder, 'src/core/names/index.ts')).href
  )) as NamesModule
  const place = await Workplace.open({ driver })
  let mount = await place.mount()
  return {
    mountpoint: place.mountpoint,
    can: abilitiesOf(driver),
    semantics: semanticsOf(driver),
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
      mount = await place.mount()
    },
    stop: () => place.close(),
  }
}

/** The built command line on the embedded server, mounted by each driver. */
export const embeddedMountHosts: readonly EngineHost[] = driverNames.map(
  (driver) =>
    new MountHost(
      `mount (${driver}) on the embedded server`,
      async () => (await mountUnavailable()) ?? driverUnavailable(driver),
      () => begin(driver),
    ),
)
