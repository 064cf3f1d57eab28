/** What mounting needs of this machine: kernel, device, helper program, driver. */
import { fuseDeviceTrouble, allowsOthers } from '../../fuse/check-mountpoint.ts'
import type { DriverCapabilities } from '../../fuse/driver.ts'
import { fail, looked, ok, warn, type Finding } from './finding.ts'
import type { MachineProbes, Program } from './machine-probes.ts'

const MIN_KERNEL = [5, 4] as const

export interface MachineRequest {
  /** The mount would let other users in. */
  readonly allowOther: boolean
}

export async function* examineMachine(
  probes: MachineProbes,
  { allowOther }: MachineRequest,
): AsyncGenerator<Finding> {
  yield looked('kernel', () => kernel(probes.kernelRelease()))
  yield looked('/dev/fuse', () => device(probes))
  yield looked('fusermount', () => fusermount(probes))
  yield looked('fuse.conf', async () => othersMayEnter(probes, allowOther))
  yield looked('driver', () => driver(probes))
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

const FUSE_PACKAGE = 'install the package fuse3 (Debian and Ubuntu: sudo apt-get install fuse3)'

/** libfuse 2 starts the program by its old name, which the packages of fuse3 provide as well. */
async function fusermount({ findProgram, uid }: MachineProbes): Promise<Finding> {
  if (uid() === 0) return ok('fusermount', 'not needed: root mounts without it')
  const found = await findProgram('fusermount')
  if (found) return setuid(found)
  const newer = await findProgram('fusermount3')
  if (!newer) {
    return fail('fusermount', 'the program fusermount is missing, without which only root can mount', {
      remedy: FUSE_PACKAGE,
    })
  }
  return fail('fusermount', `${newer.path} is there, but the driver needs it by the name fusermount too`, {
    remedy: `sudo ln -s ${newer.path} /usr/local/bin/fusermount`,
  })
}

function setuid({ path, isSetuidRoot }: Program): Finding {
  if (isSetuidRoot) return ok('fusermount', `${path}, set to run as root`)
  return fail('fusermount', `${path} does not run as root (it is not setuid), so it cannot mount for you`, {
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

async function driver({ loadDriver }: MachineProbes): Promise<Finding> {
  const loaded = await loadDriver()
  if ('text' in loaded) {
    const remedy = loaded.remedy ?? 'install the product anew; if that does not help, report this sentence'
    return fail('driver', loaded.text, { remedy })
  }
  const limits = limitsOf(loaded.capabilities)
  return ok('driver', `${loaded.name} loads${limits.length === 0 ? '' : `; with it, ${limits.join('; ')}`}`)
}

function limitsOf({ times, notifications, readdirPlus, interrupts }: DriverCapabilities): string[] {
  return [
    ...(times ? [] : ['modification times that programs set (touch -d, cp -p) do not arrive']),
    ...(notifications ? [] : ['the kernel keeps names and attributes for a short time only']),
    ...(readdirPlus ? [] : ['long listings (ls -l) are slower']),
    ...(interrupts ? [] : ['Ctrl-C does not end a program that waits for the server']),
  ]
}
