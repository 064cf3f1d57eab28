/** Files that do not fit into memory: how fast they get to the server, and what the mount's process takes meanwhile. */
import { open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../test/harness/programs.ts'
import { megabit, quietMs, type Row } from './row.ts'
import { untilAnswered } from './until-answered.ts'

const mebibyte = 1024 * 1024
const uploadMebibytes = 1024
const chunkBytes = 25 * mebibyte
const chunks = Math.ceil((uploadMebibytes * mebibyte) / chunkBytes)

function makeFile(path: string, mebibytes: number): Promise<string> {
  return run('dd', ['if=/dev/zero', `of=${path}`, 'bs=1M', `count=${mebibytes}`, 'status=none'])
}

function uploadRow(name: string, line: string, row: Pick<Row, 'target' | 'bandwidthBytesPerSecond'>): Row {
  return {
    ...row,
    name,
    doc: `1 GiB, from close returned until on the server, less the quiet time | the same chunks by plain calls; ${line}`,
    rttMs: 20,
    quietMs,
    isOnDisk: true,
    prepare: async ({ scratch }) => void (await makeFile(join(scratch, 'film'), uploadMebibytes)),
    async onMount(place, _mount, round) {
      const { position } = place.server.requests
      await run('cp', [join(place.scratch, 'film'), place.at(`film-${round}`)])
      const start = performance.now()
      await untilAnswered(place, { route: 'POST /file/upload', count: chunks, position })
      return performance.now() - start
    },
    plain: ({ scratch }, round) => ({
      kind: 'chunks',
      source: join(scratch, 'film'),
      path: `plain-${round}`,
      expectedChunks: chunks,
    }),
  }
}

const writtenMebibytes = 4096
const mostMegabytes = 250

/** Anonymous memory of a process, MB (proc_pid_status(5)). */
async function anonymousMegabytes(pid: number): Promise<number> {
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return (Number(kibibytes) * 1024) / 1_000_000
}

const inWhole = (megabytes: number) => megabytes.toFixed(0)

/** Answers what `look` sees when 1 GiB is written: neither size nor time may make it more. */
async function writeFilm(path: string, look: () => Promise<number>): Promise<number> {
  const file = await open(path, 'w')
  const block = Buffer.alloc(mebibyte)
  let seen = 0
  for (let i = 1; i <= writtenMebibytes; i += 1) {
    await file.write(block)
    if (i === 1024) seen = await look()
  }
  await file.close()
  return seen
}

const memoryRow: Row = {
  name: 'memory',
  doc: `most anonymous memory of the mount's process while 4 GiB are written and the server is away | ${mostMegabytes} MB`,
  unit: 'MB',
  rttMs: 0,
  target: 1,
  prepare: () => Promise.resolve(),
  async onMount(place, { pid }) {
    // Known, so that the server need not be asked.
    await run('ls', [place.mountpoint])
    await place.server.goOffline()
    let most = 0
    const written = new AbortController()
    const watching = (async () => {
      for (; !written.signal.aborted; await delay(50)) most = Math.max(most, await anonymousMegabytes(pid))
    })()
    const path = place.at('film')
    const earlyMegabytes = await writeFilm(path, () => anonymousMegabytes(pid))
    const lateMegabytes = await anonymousMegabytes(pid)
    written.abort()
    await watching
    const { size } = await stat(path)
    if (size !== writtenMebibytes * mebibyte) throw new Error(`the file has ${size} bytes`)
    await rm(path)
    await place.server.goOnline()
    return {
      value: most,
      note: `${inWhole(earlyMegabytes)} MB after 1 GiB, ${inWhole(lateMegabytes)} MB after 4 GiB`,
    }
  },
  plain: () => mostMegabytes,
}

export const largeRows: readonly Row[] = [
  uploadRow('upload-100mbit', '100 Mbit/s', { target: 1 / 0.9, bandwidthBytesPerSecond: 100 * megabit }),
  uploadRow('upload', 'unlimited', { target: 1 / 0.7 }),
  memoryRow,
]
