/** Which driver mounts: the one place that decides, for a mount and for `doctor`. */
import type { DriverCapabilities, DriverTrouble, FuseDriver } from '../fuse/driver.ts'
import { DriverError } from '../fuse/errors.ts'

export type DriverName = FuseDriver['name']
export type DriverWish = 'auto' | DriverName

export interface UsableDriver {
  /** Where its binary is from: `prebuilt`. */
  readonly origin: string
  readonly capabilities: DriverCapabilities
}

export type DriverState = UsableDriver | DriverTrouble

/** Looks whether a driver can be loaded, and whether the program is there with which it mounts for this user. */
export type DriverProbe = (name: DriverName) => Promise<DriverState>

export interface ChosenDriver extends UsableDriver {
  readonly name: DriverName
  /** Half a sentence: `it was asked for`. */
  readonly why: string
  /** What somebody who mounts should know: why it is not the better one, and what that costs. */
  readonly note?: string
  /** What makes the better one usable; there with a note. */
  readonly remedy?: string
}

/** None of the drivers that may be taken can be used. */
export class NoDriverError extends DriverError {
  /** Why, without the remedy that the message ends with. */
  readonly text: string
  readonly remedy: string

  constructor({ text, remedy, cause }: DriverTrouble) {
    super(`${text}: ${remedy}`, { cause })
    this.text = text
    this.remedy = remedy
  }
}

/**
 * A driver that was named, or else the native one, or else libfuse2. The device is no matter here: without it neither mounts.
 *
 * @throws {NoDriverError} a sentence with the remedies.
 */
export async function chooseDriver(wish: DriverWish, probe: DriverProbe): Promise<ChosenDriver> {
  if (wish !== 'auto') return named(wish, await probe(wish))
  const native = await probe('native')
  if (isUsable(native)) return { ...native, name: 'native', why: 'it is the better one' }
  const libfuse2 = await probe('libfuse2')
  if (!isUsable(libfuse2)) throw neither(native, libfuse2)
  const costs = limitsOf(libfuse2.capabilities).join('; ')
  return {
    ...libfuse2,
    name: 'libfuse2',
    why: 'the native one cannot be used',
    note: `the driver libfuse2 is used, because ${native.text}; with it, ${costs}`,
    remedy: native.remedy,
  }
}

function named(name: DriverName, state: DriverState): ChosenDriver {
  if (isUsable(state)) return { ...state, name, why: 'it was asked for' }
  throw new NoDriverError({ ...state, remedy: `${state.remedy}; or mount with --driver=auto` })
}

function neither(native: DriverTrouble, libfuse2: DriverTrouble): NoDriverError {
  return new NoDriverError({
    text: `there is no driver to mount with: ${native.text}, and ${libfuse2.text}`,
    remedy: `for the native driver, ${native.remedy}. Or, for libfuse2, ${libfuse2.remedy}`,
    cause: native.cause,
  })
}

export function isUsable(state: DriverState): state is UsableDriver {
  return 'capabilities' in state
}

/** What programs notice of what a driver cannot do. */
export function limitsOf({
  times,
  notifications,
  readdirPlus,
  interrupts,
  flush,
}: DriverCapabilities): string[] {
  return [
    ...(times ? [] : ['modification times that programs set (touch -d, cp -p) do not arrive']),
    ...(notifications ? [] : ['the kernel keeps names and attributes for a short time only']),
    ...(readdirPlus ? [] : ['long listings (ls -l) are slower']),
    ...(flush ? [] : ['closing a file reports no trouble and waits for nothing']),
    ...(interrupts ? [] : ['Ctrl-C does not end a program that waits for the server']),
  ]
}
