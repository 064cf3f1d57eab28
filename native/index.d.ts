/**
 * The addon's contract. C++ moves bytes: it opens and mounts, reads requests, writes replies and notifications, and stops. What
 * the bytes mean is decided in `src/fuse/native`. Every function throws Node's own kind of error: `{errno, code, syscall}`.
 */

/** Raised with every change of this file; `src/fuse/native/addon.ts` refuses another one. */
export declare const ABI_VERSION: 6

/** open(2) of `/dev/fuse`, close-on-exec and non-blocking. */
export declare function openDevice(): number

/**
 * mount(2) as root: type `fuse.<subtype>`, with `fd=…,rootmode=40000,user_id=…,group_id=…` and `options` behind it.
 * @param flags MS_NOSUID and so on
 */
export declare function mountDevice(
  fd: number,
  target: { source: string; mountpoint: string; subtype: string; flags: number; options: string },
): void

/** One end for `fusermount3` (`_FUSE_COMMFD`), the other to receive the device from. */
export declare function socketPair(): [ours: number, theirs: number]

/**
 * recvmsg(2) with SCM_RIGHTS on our end, blocking at most `timeoutMs`: 0 is enough once `fusermount3` has exited well, and blocks
 * nothing. Close-on-exec and non-blocking. ETIMEDOUT when nothing came, ECONNRESET when all copies of the other end were closed.
 */
export declare function receiveDevice(ours: number, timeoutMs: number): number

export interface ChannelOptions {
  /** A mounted device. The channel owns it from now on: it closes it in `close`, and when its thread ends in whatever way. */
  readonly fd: number
  /** Bytes of one read(2): at least max_write + 4096. */
  readonly bufferBytes: number
  /** How many requests may be kept at a time before reading stops, 128 if left out. Memory is taken when first needed. */
  readonly slots?: number
  /** Keep asking for so long after a request before sleeping, µs; 0 = never. Never on a machine with one processor. */
  readonly spinUs: number
  /**
   * The requests that wait, at most 8 at a time, each in front of a memory that is the channel's and says in its header how long
   * it is. They are valid until the callback returns, unless one was kept with `keep`, and then until `release`. The same
   * Buffers come again and again.
   */
  readonly onRequests: (...memories: Buffer[]) => void
  /** The connection is over: ENODEV (unmounted) or another errno. Called once. */
  readonly onEnd: (errno: number) => void
}

/** What became of the notifications of a channel, counted since it began. */
export interface NotificationCounts {
  readonly sent: number
  /** The kernel knew nothing of what they were about (ENOENT): as good as sent. */
  readonly unknown: number
  readonly failed: number
  /** errno (positive) of the last failure; 0 when there was none. */
  readonly lastErrno: number
  /** Queued, or being written now. */
  readonly waiting: number
  readonly waitingBytes: number
}

/** The byte pipe of one mount, on the event loop of the thread that makes it. */
export declare class Channel {
  constructor(options: ChannelOptions)
  /**
   * Keeps the memory of the `index`th request that is being handed over beyond its callback, until what is answered is released.
   * The channel reads on while it has other buffers.
   */
  keep(index: number): number
  release(slot: number): void
  /**
   * Sends the replies in the first `lengthBytes` of `messages`: each is as long as its header says and begins at a multiple of eight
   * bytes; the last may go on in `body`. Answers undefined when all were taken. Otherwise an array: at the number of each reply that
   * was not its errno (positive), ENOENT when the request was interrupted, ENODEV after `close`; nothing elsewhere.
   */
  reply(messages: Buffer, lengthBytes: number, body?: Uint8Array): number[] | undefined
  /**
   * A reply whose body is `length` (at most `bufferBytes`) bytes of a file from `offset` on, read and written without passing
   * JavaScript, and without waiting for a disk. When they cannot be had nothing is written and the errno is answered: EAGAIN
   * when the kernel does not have all of them in memory, EIO when the file is too short.
   */
  replyFromCachedFile(header: Buffer, fd: number, offset: number, length: number): number
  /**
   * Queues a copy of a notification for the notifying thread: never written by the thread that answers. What says the same as the
   * newest that waits is in it. Answers false when 1,024 of them or 1 MiB wait: this one was not taken, the caller has to come
   * again. ENODEV after the end.
   */
  notify(message: Buffer): boolean
  notifications(): NotificationCounts
  /** How often it has asked for a request again instead of sleeping. */
  spins(): number
  /**
   * Ends reading, drops notifications that wait, and closes the device: what was not answered fails, as does a mount that is
   * still there. What is kept stays valid until released. Also needed after `onEnd`. A second call does nothing.
   */
  close(): void
}
