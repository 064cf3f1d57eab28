/** INIT: what the kernel offers and what we take of it. Pure. */
import {
  InitFlag,
  InitFlag2,
  MAX_MINOR,
  MAX_PAGES,
  MAX_WRITE_BYTES,
  MIN_MINOR,
  OLD_MAX_WRITE_BYTES,
  PROTOCOL_MAJOR,
} from './abi.ts'
import type { InitReply } from './encode.ts'
import type { InitRequest } from './requests.ts'

/**
 * Requests of the kernel's own (reading ahead, writing back) at the same time. Beyond it the kernel makes all programs wait, those
 * that read other files too: so there must be room for more reads that hang than anybody starts. Each is some KiB of memory here.
 * What is written back is up to 1 MiB each, but the kernel holds a FUSE filesystem to a hundredth of what may be unwritten in the
 * whole system (`max_ratio` and `strict_limit` in its bdi): it runs out of that first.
 */
const MAX_BACKGROUND = 1024

/**
 * Not among them, on purpose: ASYNC_DIO (a program in direct I/O could not be killed while it waits), READDIRPLUS_AUTO (the
 * kernel's guess costs `ls -l` its attributes), POSIX_LOCKS and FLOCK_LOCKS (locks stay in the kernel, between
 * programs of this machine), DONT_MASK (the kernel applies the umask), EXPORT_SUPPORT (would look up `.` and `..`).
 */
const WANTED =
  InitFlag.ASYNC_READ |
  InitFlag.ATOMIC_O_TRUNC |
  InitFlag.BIG_WRITES |
  InitFlag.AUTO_INVAL_DATA |
  InitFlag.DO_READDIRPLUS |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.MAX_PAGES |
  InitFlag.CACHE_SYMLINKS |
  InitFlag.HANDLE_KILLPRIV_V2 |
  InitFlag.INIT_EXT
const WANTED2 = InitFlag2.HAS_EXPIRE_ONLY

/** What both sides can from now on. */
export interface Features {
  readonly minor: number
  readonly maxWriteBytes: number
  readonly writebackCache: boolean
  /** A name can be told to be asked for again, without disturbing who uses it. */
  readonly expireOnly: boolean
}

export type Negotiation =
  | { readonly outcome: 'agreed'; readonly features: Features; readonly reply: InitReply }
  /** The kernel's major version is newer: it asks again in ours. */
  | { readonly outcome: 'ask-again' }
  | { readonly outcome: 'too-old' }

export function negotiate(request: InitRequest, options: { writebackCache: boolean }): Negotiation {
  if (request.major > PROTOCOL_MAJOR) return { outcome: 'ask-again' }
  if (request.major < PROTOCOL_MAJOR || request.minor < MIN_MINOR) return { outcome: 'too-old' }
  const wanted = WANTED | (options.writebackCache ? InitFlag.WRITEBACK_CACHE : 0)
  const flags = request.flags & wanted
  const flags2 = flags & InitFlag.INIT_EXT ? request.flags2 & WANTED2 : 0
  const hasMaxPages = (flags & InitFlag.MAX_PAGES) !== 0
  const minor = Math.min(request.minor, MAX_MINOR)
  const maxWriteBytes = hasMaxPages ? MAX_WRITE_BYTES : OLD_MAX_WRITE_BYTES
  return {
    outcome: 'agreed',
    features: {
      minor,
      maxWriteBytes,
      writebackCache: (flags & InitFlag.WRITEBACK_CACHE) !== 0,
      expireOnly: (flags2 & InitFlag2.HAS_EXPIRE_ONLY) !== 0,
    },
    reply: {
      minor,
      flags,
      flags2,
      maxWriteBytes,
      maxReadaheadBytes: request.maxReadaheadBytes,
      maxBackground: MAX_BACKGROUND,
      // From here on the kernel calls the device congested.
      congestionThreshold: MAX_BACKGROUND * 0.75,
      maxPages: hasMaxPages ? MAX_PAGES : 0,
    },
  }
}
