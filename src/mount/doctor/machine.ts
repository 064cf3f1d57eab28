/** What mounting needs of this machine: kernel, device, helper program, driver. */
import { fuseDeviceTrouble, allowsOthers } from '../../fuse/check-mountpoint.ts'
import type { Program } from '../../fuse/find-program.ts'
import type { DriverWish } from '../choose-driver.ts'
import { examineDrivers } from './drivers.ts'
import { fail, looked, ok, warn, type Finding } from './finding.ts'
import type { MachineProbes } from './machine-probes.ts'

const MIN_KERNEL = [5, 4] as const

export interface MachineRequest {
  /** The mount would let other users in. */
  readonly allowOther: boolean
  /** Which driver it would be made with. */
  readonly driver: DriverWish
}

export async function* examineMachine(
  probes: MachineProbes,
  { allowOther, driver }: MachineRequest,
): AsyncGenerator<Finding> {
  yield looked('kernel', () => kernel(probes.kernelRelease()))
  yield looked('/dev/fuse', () => device(probes))
  yield looked('fusermount3', () => fusermount(probes))
  yield looked('fuse.conf', async () => othersMayEnter(probes, allowOther))
  yield* examineDrivers(probes.probeDriver, driver)
}

function kernel(release: string): Finding {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? []
  const [minMajor, minMinor] = MIN_KERNEL
  const isNewEnough = Number(major) > minMajor || (Number(major) === minMajor && Number(minor) >= minMinor)
  if (isNewEnough) return ok('kernel', `Linux ${release}`)
  return warn(
    'kernel',
    `Linux ${release} is older than ${minMajor}.${minMinor}, the oldest that mounts are made for`,
    'update the system; mounts may work all the same',
  )
}

async function device({ openDevice }: MachineProbes): Promise<Finding> {
  const code = await openDevice()
  if (code === undefined) return ok('/dev/fuse', 'there, and can be opened')
  const { text, remedy } = fuseDeviceTrouble(code)
  return fail('/dev/fuse', text, { remedy })
}

const HELPER = 'fusermount3'
const FUSE_PACKAGE = 'install the package fuse3 (Debian and Ubuntu: sudo apt-get install fuse3)'

/** Whether the old name is there as well matters to libfuse 2 alone: its driver tells. */
async function fusermount({ findProgram, uid }: MachineProbes): Promise<Finding> {
  if (uid() === 0) return ok(HELPER, 'not needed: root mounts without it')
  const found = await findProgram(HELPER)
  if (found) return setuid(found)
  const older = await findProgram('fusermount')
  if (!older) {
    return fail(HELPER, `the program ${HELPER} is missing, without which only root can mount`, {
      remedy: FUSE_PACKAGE,
    })
  }
  return warn(
    HELPER,
    `the program ${HELPER} is missing; ${older.path} is the older one, which only libfuse 2 can mount with`,
    FUSE_PACKAGE,
  )
}

function setuid({ path, isSetuidRoot }: Program): Finding {
  if (isSetuidRoot) return ok(HELPER, `${path}, set to run as root`)
  return fail(HELPER, `${path} does not run as root (it is not setuid), so it cannot mount for you`, {
    remedy: `sudo chown root ${path} && sudo chmod u+s ${path}, or ${FUSE_PACKAGE} again`,
  })
}

async function othersMayEnter({ readFuseConf, uid }: MachineProbes, isWanted: boolean): Promise<Finding> {
  const check = 'fuse.conf'
  if (uid() === 0) return ok(check, 'not needed: root may always use allow-other')
  if (allowsOthers(await readFuseConf())) return ok(check, 'user_allow_other is set: allow-other works')
  const text = 'user_allow_other is not set in /etc/fuse.conf'
  if (!isWanted) return ok(check, `${text}: it only matters with the option allow-other`)
  return fail(check, `${text}, which the option allow-other needs`, {
    remedy: 'echo user_allow_other | sudo tee -a /etc/fuse.conf, or mount without allow-other',
  })
}
