import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import type { DriverOptions } from '../driver.ts'
import { DriverError } from '../errors.ts'
import type { NativeAddon } from './addon.ts'
import { helperArguments, kernelMount } from './mount-options.ts'

const HELPER = 'fusermount3'
/** The helper has sent the descriptor before it ends. */
const RECEIVE_TIMEOUT_MS = 1_000
/** Which of its descriptors the helper sends the device through. */
const HELPER_SOCKET = 3

/**
 * Mounts, and answers the descriptor of the connection, which the kernel has put its first request into: by mount(2) as root,
 * by `fusermount3` for everybody else.
 *
 * @throws {DriverError} a sentence with the kernel's or the helper's reason.
 */
export async function mountNative(addon: NativeAddon, options: DriverOptions): Promise<number> {
  return process.geteuid?.() === 0 ? mountAsRoot(addon, options) : mountByHelper(addon, options)
}

function mountAsRoot(addon: NativeAddon, options: DriverOptions): number {
  const fd = addon.openDevice()
  try {
    addon.mountDevice(fd, kernelMount(options))
    return fd
  } catch (error) {
    closeSync(fd)
    throw new DriverError(rootSentence(options.mountpoint, error as NodeJS.ErrnoException), { cause: error })
  }
}

function rootSentence(mountpoint: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EPERM') {
    return `${mountpoint} could not be mounted: this root may not mount (in a container, start it with --cap-add SYS_ADMIN)`
  }
  return `${mountpoint} could not be mounted: ${message}`
}

async function mountByHelper(addon: NativeAddon, options: DriverOptions): Promise<number> {
  const [ours, theirs] = addon.socketPair()
  try {
    await runHelper(options, theirs)
    return addon.receiveDevice(ours, RECEIVE_TIMEOUT_MS)
  } finally {
    closeSync(ours)
  }
}

/** Ends when the helper has: what it sent waits in the socket. */
async function runHelper(options: DriverOptions, theirs: number): Promise<void> {
  let said = ''
  try {
    const helper = spawn(HELPER, helperArguments(options), {
      stdio: ['ignore', 'ignore', 'pipe', theirs],
      env: { ...process.env, _FUSE_COMMFD: String(HELPER_SOCKET) },
    })
    helper.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const [code, signal] = (await once(helper, 'close')) as [number | null, NodeJS.Signals | null]
    if (code === 0) return
    said = said.trim() || `${HELPER} ended with ${code ?? signal}`
  } catch (error) {
    throw new DriverError(
      `${HELPER} could not be started, without which only root can mount: ${(error as Error).message}`,
      { cause: error },
    )
  } finally {
    closeSync(theirs)
  }
  throw new DriverError(`${options.mountpoint} could not be mounted: ${said}`)
}
