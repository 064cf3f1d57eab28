import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** What the record of a serving process says (it writes one beside its control socket). */
export interface MountRecord {
  readonly pid: number
  readonly mountpoint: string
  readonly socketPath: string
  readonly state: string
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

export async function mountRecords(runtimeFolder: string): Promise<readonly MountRecord[]> {
  const names = await readdir(runtimeFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const records = names.filter((name) => name.endsWith('.json'))
  return Promise.all(
    records.map(async (name) => {
      return JSON.parse(await readFile(join(runtimeFolder, name), 'utf8')) as MountRecord
    }),
  )
}

/** Asks the process that serves a mount: one JSON object a line, over its control socket. */
export async function callMount(
  socketPath: string,
  method: string,
  params: unknown = null,
): Promise<unknown> {
  const socket = connect(socketPath)
  await once(socket, 'connect')
  try {
    socket.write(`${JSON.stringify({ id: 1, method, params })}\n`)
    for await (const line of createInterface({ input: socket })) {
      const answer = JSON.parse(line) as Answer
      if (answer.error) throw new Error(`${method}: ${answer.error.message}`)
      if ('result' in answer) return answer.result
    }
    throw new Error(`the mount closed the connection without an answer to ${method}`)
  } finally {
    socket.destroy()
  }
}
