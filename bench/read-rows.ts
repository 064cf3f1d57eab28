/** What reading costs: of large files, of many small ones, and of bytes here and there. */
import { mkdir, open, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultLaneWidths } from '../src/api/lanes.ts'
import { defaultReadOptions } from '../src/core/read/read-options.ts'
import { contentRoute, type Workplace } from '../test/e2e/harness.ts'
import { run, runToEnd } from '../test/harness/programs.ts'
import { megabit, type Row } from './row.ts'

const mebibyte = 1024 * 1024
const largeBytes = 256 * mebibyte

const ofLargeFile: Pick<Row, 'maxPutBytes' | 'prepare'> = {
  maxPutBytes: largeBytes,
  async prepare({ server }) {
    await server.admin.write('/large.bin', Buffer.alloc(largeBytes, 'cloudreve'))
  },
}

/** How a large file is read, and how much longer it may take than plain calls. */
interface Sequential extends Pick<Row, 'rttMs' | 'target' | 'mountArgs' | 'bandwidthBytesPerSecond'> {
  readonly name: string
  readonly how?: string
}

/** Nine tenths of the speed; without latency the processor decides, and half will do. */
const [nearlyAsFast, halfAsFast] = [1 / 0.9, 2]

const sequential: readonly Sequential[] = [
  { name: 'read-0ms', rttMs: 0, target: halfAsFast },
  {
    name: 'read-unkept-0ms',
    how: ' without the disk cache',
    rttMs: 0,
    target: halfAsFast,
    mountArgs: ['--cache-limit', '0'],
  },
  { name: 'read-20ms', rttMs: 20, target: nearlyAsFast },
  { name: 'read-100ms', rttMs: 100, target: nearlyAsFast },
  {
    name: 'read-100mbit',
    how: ' at 100 Mbit/s',
    rttMs: 20,
    target: nearlyAsFast,
    bandwidthBytesPerSecond: 100 * megabit,
  },
]

function readRow({ how = '', ...row }: Sequential): Row {
  return {
    doc: `sequential read of 256 MiB${how} | the same ranges of 8 MiB, 8 at a time`,
    ...row,
    ...ofLargeFile,
    onMount: readLarge,
    plain: () => ({
      kind: 'read',
      path: 'large.bin',
      expectedBytes: largeBytes,
      rangeBytes: defaultReadOptions.partBytes,
      inFlight: defaultLaneWidths.downloads,
    }),
  }
}

async function readLarge(place: Workplace): Promise<void> {
  const { stderr } = await runToEnd('dd', [`if=${place.at('large.bin')}`, 'of=/dev/null', 'bs=1M'])
  if (!stderr.includes(`${largeBytes} bytes`)) throw new Error(`dd read something else: ${stderr}`)
}

/** How a file is read that was read before. */
interface Again {
  readonly name: string
  readonly doc: string
  readonly target?: number
  /** The kernel has none of the local files that the bytes are in. */
  readonly isFromDisk: boolean
  /** The same mount has read it before: another one, if not. */
  readonly isSameMount: boolean
}

function readAgainRow({ name, doc, target, isFromDisk, isSameMount }: Again): Row {
  return {
    name,
    doc: `sequential read of 256 MiB ${doc} | of a local file`,
    rttMs: 0,
    maxPutBytes: largeBytes,
    isCached: true,
    ...(target !== undefined && { target }),
    async prepare(place) {
      const bytes = Buffer.alloc(largeBytes, 'cloudreve')
      await place.server.admin.write('/large.bin', bytes)
      await writeFile(join(place.scratch, 'large.bin'), bytes)
      const mount = await place.mount()
      await readLarge(place)
      await mount.unmount()
    },
    async before({ scratch }) {
      if (isFromDisk) await forgetPages([join(scratch, 'large.bin'), join(scratch, 'cache')])
    },
    async onMount(place) {
      if (isSameMount) await readLarge(place)
      const start = performance.now()
      await readLarge(place)
      return performance.now() - start
    },
    plain: ({ scratch }) => ({
      kind: 'local',
      path: join(scratch, 'large.bin'),
      expectedBytes: largeBytes,
    }),
  }
}

/** The kernel lets go of what it keeps in memory of these files, and of those in these folders. */
async function forgetPages(paths: readonly string[]): Promise<void> {
  await run('sync', ['-f', ...paths])
  const forget = ['-exec', 'dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none', ';']
  await run('find', [...paths, '-type', 'f', ...forget])
}

const again: readonly Again[] = [
  { name: 'read-twice', doc: 'a second time', target: 1.25, isFromDisk: false, isSameMount: true },
  {
    name: 'read-again',
    doc: 'that another mount has read, from the disk',
    target: 1.25,
    isFromDisk: true,
    isSameMount: false,
  },
  {
    name: 'read-again-in-memory',
    doc: 'that another mount has read, in the memory of the kernel',
    isFromDisk: false,
    isSameMount: false,
  },
]

const smallFiles = 1000
const smallBytes = 10 * 1024

function smallFilesRow(rttMs: number): Row {
  return {
    name: `read-small-${rttMs}ms`,
    doc: `cp -r of ${smallFiles} files of 10 KiB out | their ranges, 16 at a time, after one call for all URLs`,
    rttMs,
    target: 3,
    async prepare({ server }) {
      for (let i = 0; i < smallFiles; i += 1)
        await server.admin.write(`/small/f${i}`, Buffer.alloc(smallBytes, `content ${i}`))
    },
    async onMount(place, _mount, round) {
      const target = join(place.scratch, `out-${round}`)
      await mkdir(target)
      await run('cp', ['-r', place.at('small'), target])
      const { length } = await readdir(join(target, 'small'))
      if (length !== smallFiles) throw new Error(`${length} files were copied`)
    },
    plain: () => ({ kind: 'read-all', folder: 'small', expectedFiles: smallFiles, inFlight: 16 }),
  }
}

/** Slow ones are fewer. */
const randomReadsAt = (rttMs: number) => (rttMs < 50 ? 1000 : 200)
const randomReadBytes = 4096
/** A read here and there may bring so many times the bytes that were asked for. */
const mostAmplified = 20

/** Compared with the time that the reads may take: one and a half round trips and 5 ms each. */
function randomRow(rttMs: number): Row {
  const randomReads = randomReadsAt(rttMs)
  return {
    name: `read-random-${rttMs}ms`,
    doc: `${randomReads} reads of 4 KiB here and there in 256 MiB, one handle | ${1.5 * rttMs + 5} ms each`,
    rttMs,
    target: 1,
    ...ofLargeFile,
    async onMount(place) {
      const { position } = place.server.requests
      const file = await open(place.at('large.bin'), 'r')
      const buffer = Buffer.alloc(randomReadBytes)
      const pages = largeBytes / randomReadBytes
      for (let i = 0; i < randomReads; i += 1) {
        const page = (i * 40_503 + 7) % pages // no two follow each other
        const { bytesRead } = await file.read(buffer, 0, randomReadBytes, page * randomReadBytes)
        if (bytesRead !== randomReadBytes) throw new Error(`${bytesRead} bytes were read`)
      }
      await file.close()
      const ranges = place.server.requests.since(position).filter(({ route }) => route === contentRoute)
      const sent = ranges.reduce((sum, { bytesOut }) => sum + bytesOut, 0)
      const amplified = sent / (randomReads * randomReadBytes)
      if (amplified > mostAmplified) throw new Error(`${amplified.toFixed(1)} times the bytes were sent`)
    },
    plain: () => randomReads * (1.5 * rttMs + 5),
  }
}

/** Compared with the time that it may take. */
function firstByteRow(rttMs: number): Row {
  return {
    name: `read-first-${rttMs}ms`,
    doc: `open, and the first byte of 256 MiB | two round trips and 10 ms`,
    rttMs,
    target: 1,
    ...ofLargeFile,
    async onMount(place) {
      const start = performance.now()
      const file = await open(place.at('large.bin'), 'r')
      await file.read(Buffer.alloc(1), 0, 1, 0)
      const ms = performance.now() - start
      await file.close()
      return ms
    },
    plain: () => 2 * rttMs + 10,
  }
}

const rttsMs = [0, 20, 100] as const

export const readRows: readonly Row[] = [
  ...sequential.map(readRow),
  ...again.map(readAgainRow),
  ...rttsMs.map(smallFilesRow),
  ...rttsMs.map(randomRow),
  ...rttsMs.map(firstByteRow),
]
