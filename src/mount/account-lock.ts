import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'

/** A short name for an account, for files and sockets. */
export function accountHash(accountId: string): string {
  return createHash('sha256').update(accountId).digest('hex').slice(0, 16)
}

/**
 * One process serves one account: whoever listens on the account's abstract socket (unix(7)) has it. The kernel lets go of it
 * when the process ends, however it ends, so there are no stale locks. Nothing is ever said over it.
 */
export class AccountLock {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Undefined: another process has it. */
  static async take(folder: string, hash: string): Promise<AccountLock | undefined> {
    const server = createServer((socket) => socket.destroy())
    server.listen({ path: `\0${folder}/${hash}.lock` })
    try {
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
      throw error
    }
    server.unref()
    return new AccountLock(server)
  }

  async release(): Promise<void> {
    this.#server.close()
    await once(this.#server, 'close')
  }
}
