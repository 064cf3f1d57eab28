/** What reading costs: of large files, of many small ones, and of bytes here and there. */
import { mkdir, open, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contentRoute, type Workplace } from '../test/e2e/harness.ts'
import { run, runToEnd } from '../test/harness/programs.ts'
import type { Row } from './row.ts'

const mebibyte = 1024 * 1024
const largeBytes = 256 * mebibyte

function readRow(rttMs: number, isKept = true): Row {
  return {
    name: `read-${isKept ? '' : 'unkept-'}${rttMs}ms`,
    doc: `sequential read of 256 MiB${isKept ? '' : ' without the disk cache'} | one GET of the whole content`,
    rttMs,
    mountArgs: isKept ? [] : ['--cache-limit', '0'],
    maxPutBytes: largeBytes,
    async prepare({ server }) {
      await server.admin.write('/large.bin', Buffer.alloc(largeBytes, 'cloudreve'))
    },
    onMount: readLarge,
    plain: () => ({ kind: 'read', path: 'large.bin', expectedBytes: largeBytes }),
  }
}

async function readLarge(place: Workplace): Promise<void> {
  const { stderr } = await runToEnd('dd', [`if=${place.at('large.bin')}`, 'of=/dev/null', 'bs=1M'])
  if (!stderr.includes(`${largeBytes} bytes`)) throw new Error(`dd read something else: ${stderr}`)
}

/** By a mount that has not read it; another one has. */
function readAgainRow(): Row {
  return {
    name: 'read-again',
    doc: 'sequential read of 256 MiB that were read before, by another mount | of a local file',
    rttMs: 0,
    maxPutBytes: largeBytes,
    isCached: true,
    async prepare(place) {
      const bytes = Buffer.alloc(largeBytes, 'cloudreve')
      await place.server.admin.write('/large.bin', bytes)
      await writeFile(join(place.scratch, 'large.bin'), bytes)
      const mount = await place.mount()
      await readLarge(place)
      await mount.unmount()
    },
    onMount: readLarge,
    plain: ({ scratch }) => ({
      kind: 'local',
      path: join(scratch, 'large.bin'),
      expectedBytes: largeBytes,
    }),
  }
}

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

const randomReads = 1000
const randomReadBytes = 4096
/** A read here and there may bring so many times the bytes that were asked for. */
const mostAmplified = 20

/** Compared with the time that the reads may take: one and a half round trips and 5 ms each. */
function randomRow(rttMs: number): Row {
  return {
    name: `read-random-${rttMs}ms`,
    doc: `${randomReads} reads of 4 KiB here and there in 256 MiB, one handle | ${1.5 * rttMs + 5} ms each`,
    rttMs,
    target: 1,
    maxPutBytes: largeBytes,
    async prepare({ server }) {
      await server.admin.write('/large.bin', Buffer.alloc(largeBytes, 'cloudreve'))
    },
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
    maxPutBytes: largeBytes,
    async prepare({ server }) {
      await server.admin.write('/large.bin', Buffer.alloc(largeBytes, 'cloudreve'))
    },
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

export const readRows: readonly Row[] = [
  readRow(0),
  readRow(0, false),
  readRow(20),
  readAgainRow(),
  smallFilesRow(20),
  randomRow(20),
  firstByteRow(20),
]
