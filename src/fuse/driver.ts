import type { FileSystem, KernelCache } from '../core/ports.ts'

export interface DriverCapabilities {
  /** Times of utimens(2) arrive. */
  readonly times: boolean
  /** The kernel can be told that something changed. */
  readonly notifications: boolean
  /** Attributes travel with directory entries. */
  readonly readdirPlus: boolean
  /** A program that stops waiting is noticed. */
  readonly interrupts: boolean
  /** close(2) waits for the filesystem. */
  readonly flush: boolean
}

export interface DriverOptions {
  /** Absolute, without symbolic links: as the kernel names it. */
  readonly mountpoint: string
  readonly readOnly: boolean
  readonly allowOther: boolean
  /** Shown by `mount` and `df`: `https://cloud.example.com`. */
  readonly sourceName: string
  /** The kernel's trust in names and attributes, ms. */
  readonly entryTtlMs: number
  readonly attrTtlMs: number
}

export interface FuseDriver {
  readonly name: 'native' | 'libfuse2'
  readonly capabilities: DriverCapabilities
  /** What the filesystem may ask of the kernel once it is mounted; asks in vain without notifications. */
  readonly kernelCache: KernelCache
  /** Resolves when programs can use the folder. */
  mount(fileSystem: FileSystem, options: DriverOptions): Promise<Mounted>
}

export interface Mounted {
  readonly mountpoint: string
  /** Takes the mount out of the tree, also with files open (lazily): programs that have files open go on. */
  unmount(): Promise<void>
  /** Resolves when the folder is not mounted any more and no program has a file of it open; also after a `umount` from outside. */
  readonly closed: Promise<void>
}

/** Why a driver cannot be used on this machine. */
export interface DriverTrouble {
  /** A sentence for a person. */
  readonly text: string
  readonly remedy: string
  readonly cause?: unknown
}
