/**
 * The byte pipe of one mount, as a session sees it. The addon's class is one; tests have one in memory. What each member
 * promises is written in `native/index.d.ts`.
 */
export interface Channel {
  /** Of the `index`th request of the batch that is being handed over. Answers what `release` takes. */
  keep(index: number): number
  release(slot: number): void
  /** undefined when all replies were taken; otherwise the errno of each that was not, at its number. */
  reply(messages: Buffer, lengthBytes: number, body?: Uint8Array): readonly number[] | undefined
  /** EAGAIN: not without waiting for a disk. */
  replyFromCachedFile(header: Buffer, fd: number, offset: number, length: number): number
  /** false: too much waits already, and this was not taken. */
  notify(message: Buffer): boolean
  close(): void
}

export interface ChannelListener {
  readonly onRequests: (...memories: Buffer[]) => void
  readonly onEnd: (errno: number) => void
}

/** Makes the channel that calls `listener`, from the next turn of the event loop on. */
export type OpenChannel = (listener: ChannelListener) => Channel
