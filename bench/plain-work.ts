/**
 * The same work without a mount: what a careful script does with plain HTTP calls. It runs in a worker thread, so that it
 * does not share a thread with the server, as the mount does not.
 */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { ownProcessorMs } from './processor-time.ts'
import { runToEnd } from '../test/harness/programs.ts'
import type { ByteRange } from '../src/base/ranges.ts'
import { DriveClient, type Credentials } from '../test/harness/drive-client.ts'

export type PlainJob =
  | { readonly kind: 'list-subtree'; readonly folder: string; readonly expectedFiles: number }
  | { readonly kind: 'local'; readonly path: string; readonly expectedBytes: number }
  /** In ranges side by side, each until all of its bytes are in memory. */
  | {
      readonly kind: 'read'
      readonly path: string
      readonly expectedBytes: number
      readonly rangeBytes: number
      readonly inFlight: number
    }
  /** Every file of a folder, by URLs that were asked for in one call. */
  | {
      readonly kind: 'read-all'
      readonly folder: string
      readonly expectedFiles: number
      readonly inFlight: number
    }
  | {
      readonly kind: 'write'
      readonly source: string
      readonly folder: string
      readonly expectedFiles: number
      /** Requests at a time. */
      readonly inFlight: number
    }
  | {
      readonly kind: 'chunks'
      readonly source: string
      readonly path: string
      readonly expectedChunks: number
    }

/** What a job took, and what its thread had of a processor. */
export interface PlainWork {
  readonly ms: number
  readonly processorMs: number
}

/** Sign-in is not counted. */
export async function plainWork(credentials: Credentials, job: PlainJob): Promise<PlainWork> {
  const { url, email, password } = credentials
  const worker = new Worker(new URL(import.meta.url), { workerData: { url, email, password, job } })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the plain client ended with ${code}`)))
  })
}

async function work(drive: DriveClient, job: PlainJob): Promise<void> {
  switch (job.kind) {
    case 'list-subtree':
      return listSubtree(drive, job.folder, job.expectedFiles)
    case 'read':
      return read(drive, job)
    case 'read-all':
      return readAll(drive, job)
    case 'local':
      return readLocal(job.path, job.expectedBytes)
    case 'write':
      return write(drive, job)
    case 'chunks':
      return sendChunks(drive, job)
    default:
      return job satisfies never
  }
}

async function listSubtree(drive: DriveClient, folder: string, expectedFiles: number): Promise<void> {
  const entries = await drive.listSubtree(folder)
  const files = entries.filter(({ kind }) => kind === 'file').length
  if (files !== expectedFiles) throw new Error(`listed ${files} files instead of ${expectedFiles}`)
}

/** By Node's own client: `fetch` takes half as long again. */
async function read(drive: DriveClient, job: Extract<PlainJob, { kind: 'read' }>): Promise<void> {
  const url = await drive.url(job.path)
  const agent = new Agent({ keepAlive: true })
  let next = 0
  const fetchOn = async (): Promise<void> => {
    while (next < job.expectedBytes) {
      const start = next
      next = Math.min(start + job.rangeBytes, job.expectedBytes)
      await readRange(url, agent, { start, end: next })
    }
  }
  await Promise.all(Array.from({ length: job.inFlight }, fetchOn))
  agent.destroy()
}

async function readRange(url: string, agent: Agent, { start, end }: ByteRange): Promise<Buffer> {
  const asked = get(url, { agent, headers: { range: `bytes=${start}-${end - 1}` } })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  if (response.statusCode !== 206) throw new Error(`the content answered ${response.statusCode}`)
  const bytes = Buffer.allocUnsafe(end - start)
  let filled = 0
  response.on('data', (piece: Buffer) => (filled += piece.copy(bytes, filled)))
  await once(response, 'end')
  if (filled !== bytes.length) throw new Error(`read ${filled} bytes instead of ${bytes.length}`)
  return bytes
}

async function readAll(drive: DriveClient, job: Extract<PlainJob, { kind: 'read-all' }>): Promise<void> {
  const entries = await drive.list(job.folder)
  if (entries.length !== job.expectedFiles) throw new Error(`${entries.length} files to read`)
  const urls = [...(await drive.urls(entries.map(({ name }) => `${job.folder}/${name}`)))]
  const fetchOn = async (): Promise<void> => {
    for (let url = urls.pop(); url !== undefined; url = urls.pop()) {
      const response = await fetch(url)
      if (!response.ok) throw new Error(`a content answered ${response.status}`)
      await response.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: job.inFlight }, fetchOn))
}

/** The same program as on the mount. */
async function readLocal(path: string, expectedBytes: number): Promise<void> {
  const { stderr } = await runToEnd('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M'])
  if (!stderr.includes(`${expectedBytes} bytes`)) throw new Error(`dd read something else: ${stderr}`)
}

async function write(drive: DriveClient, job: Extract<PlainJob, { kind: 'write' }>): Promise<void> {
  const names = await readdir(job.source)
  if (names.length !== job.expectedFiles) throw new Error(`${names.length} files to send`)
  const send = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await drive.put(`${job.folder}/${name}`, await readFile(join(job.source, name)))
    }
  }
  await Promise.all(Array.from({ length: job.inFlight }, send))
}

async function sendChunks(drive: DriveClient, job: Extract<PlainJob, { kind: 'chunks' }>): Promise<void> {
  const file = await open(job.source)
  const { size } = await file.stat()
  const { sessionId, chunkBytes } = await drive.openSession(job.path, size)
  const count = Math.ceil(size / chunkBytes)
  if (count !== job.expectedChunks) throw new Error(`${count} chunks instead of ${job.expectedChunks}`)
  for (let index = 0; index < count; index += 1) {
    const bytes = Buffer.alloc(Math.min(chunkBytes, size - index * chunkBytes))
    await file.read(bytes, 0, bytes.length, index * chunkBytes)
    await drive.send('POST', `/file/upload/${sessionId}/${index}`, bytes)
  }
  await file.close()
}

if (parentPort) {
  const { job, ...credentials } = workerData as Credentials & { readonly job: PlainJob }
  const drive = new DriveClient(credentials)
  await drive.list('')
  const spentMs = ownProcessorMs()
  const start = performance.now()
  await work(drive, job)
  const done: PlainWork = { ms: performance.now() - start, processorMs: ownProcessorMs() - spentMs }
  // A port of a worker thread, not of a window.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort.postMessage(done)
}
