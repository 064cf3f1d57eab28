/** The whole examination, one finding after the other. */
import { systemClock, type Clock } from '../../base/clock.ts'
import type { Paths } from '../../config/paths.ts'
import type { DriverWish } from '../choose-driver.ts'
import { examineAccount } from './account.ts'
import type { ExaminedAccount } from './accounts.ts'
import { contentProbe, type ContentProbe } from './content.ts'
import type { Finding } from './finding.ts'
import { examineFolders, folderProbes, type FolderProbes } from './folders.ts'
import { examineMachine } from './machine.ts'
import { machineProbes, type MachineProbes } from './machine-probes.ts'
import { examineMountpoints, mountpointProbes, type MountpointProbes } from './mountpoints.ts'

export interface ExamineRequest {
  /** Absolute; undefined: no mount in particular. */
  readonly mountpoint: string | undefined
  readonly allowOther: boolean
  /** What the option says. */
  readonly driver: DriverWish
  readonly paths: Paths
  readonly accounts: readonly ExaminedAccount[]
}

export interface ExamineParts {
  readonly clock: Clock
  readonly machine: MachineProbes
  readonly folders: FolderProbes
  readonly mountpoints: MountpointProbes
  readonly probeContent: ContentProbe
}

/** This machine first, then each account. Changes nothing, except that a sign-in near its end is renewed. */
export async function* examine(request: ExamineRequest, parts: ExamineParts): AsyncGenerator<Finding> {
  yield* examineMachine(parts.machine, request)
  yield* examineMountpoints(parts.mountpoints, request.mountpoint)
  yield* examineFolders(parts.folders, request.paths)
  for (const account of request.accounts) yield* examineAccount(account, parts)
}

/** `examine` with the real machine. */
export async function* examineHere(
  request: ExamineRequest,
  environment: Readonly<Record<string, string | undefined>>,
): AsyncGenerator<Finding> {
  const clock = systemClock
  const contents = contentProbe(clock)
  try {
    yield* examine(request, {
      clock,
      machine: machineProbes(environment),
      folders: folderProbes,
      mountpoints: mountpointProbes(clock, request.paths.runtimeFolder),
      probeContent: contents.probe,
    })
  } finally {
    contents.close()
  }
}
