/**
 * The addon's contract. C++ moves bytes: it opens and mounts, reads requests, writes replies and notifications, and stops. What
 * the bytes mean is decided in `src/fuse/native`. Every function throws Node's own kind of error: `{errno, code, syscall}`.
 */

/** Raised with every change of this file; `src/fuse/native/addon.ts` refuses another one. */
export declare const ABI_VERSION: 1

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

/** umount2(2) with MNT_DETACH. */
export declare function unmountLazily(mountpoint: string): void

/** One end for `fusermount3` (`_FUSE_COMMFD`), the other to receive the device from. */
export declare function socketPair(): [ours: number, theirs: number]

/** recvmsg(2) with SCM_RIGHTS on our end, blocking at most `timeoutMs`. */
export declare function receiveDevice(ours: number, timeoutMs: number): number

export interface ChannelOptions {
  readonly fd: number
  /** Bytes of one read(2): at least max_write + 4096. */
  readonly bufferBytes: number
  /** Keep asking for so long after a request before sleeping, µs; 0 = never. */
  readonly spinUs: number
  /**
   * One request with its header. The memory is the channel's: it is valid until the callback returns, unless it was kept
   * with `keep`, and then until `release`.
   */
  readonly onRequest: (request: Buffer, slot: number) => void
  /** The connection is over: ENODEV (unmounted) or another errno. Called once. */
  readonly onEnd: (errno: number) => void
}

/** The byte pipe of one mount, on the event loop of the thread that makes it. */
export declare class Channel {
  constructor(options: ChannelOptions)
  /** Keeps the memory of a request after its callback. The channel reads on while it has other buffers. */
  keep(slot: number): void
  release(slot: number): void
  /** writev(2) of a whole reply. Answers 0, or the errno: ENOENT when the request was interrupted. */
  reply(header: Buffer, body?: Uint8Array): number
  /** A reply whose body is `length` bytes of a file from `offset` on, read and written without passing JavaScript. */
  replyFromFile(header: Buffer, fd: number, offset: number, length: number): number
  /** Queues a notification for the notifying thread: never written by the thread that answers. */
  notify(message: Buffer): void
  /** Ends reading; what is kept stays valid until released. */
  close(): void
}
