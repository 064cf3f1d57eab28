/**
 * The byte pipe of one mount, as a session sees it. The addon's class is one; tests have one in memory. What each member
 * promises is written in `native/index.d.ts`.
 */
export interface Channel {
  keep(slot: number): void
  release(slot: number): void
  /** 0, or the errno: ENOENT when the request is not waited for any more. */
  reply(header: Buffer, body?: Uint8Array): number
  /** EAGAIN: not without waiting for a disk. */
  replyFromCachedFile(header: Buffer, fd: number, offset: number, length: number): number
  notify(message: Buffer): void
  close(): void
}

export interface ChannelListener {
  readonly onRequest: (memory: Buffer, lengthBytes: number, slot: number) => void
  readonly onEnd: (errno: number) => void
}

/** Makes the channel that calls `listener`, from the next turn of the event loop on. */
export type OpenChannel = (listener: ChannelListener) => Channel
