import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, runToEnd } from '../test/harness/programs.ts'
import type { Workplace } from '../test/e2e/harness.ts'
import { largeRows } from './large-rows.ts'
import type { Row } from './row.ts'
import { writeRows } from './write-rows.ts'

const mebibyte = 1024 * 1024
const rttsMs = [0, 20] as const

const folders = 100
const filesAFolder = 100

function listRow(rttMs: number): Row {
  return {
    name: `ls-${rttMs}ms`,
    doc: `ls -lR of ${folders * filesAFolder} files in ${folders} folders | a listing a folder, 4 at a time`,
    rttMs,
    async prepare({ server }) {
      for (let i = 0; i < folders; i += 1) {
        for (let j = 0; j < filesAFolder; j += 1)
          await server.admin.write(`/tree/d${i}/f${j}.txt`, `${i} ${j}`)
      }
    },
    async onMount(place) {
      const listing = await run('ls', ['-lR', place.at('tree')])
      const seen = listing.split('\n').filter((line) => line.startsWith('-')).length
      if (seen !== folders * filesAFolder) throw new Error(`ls saw ${seen} files`)
    },
    plain: () => ({ kind: 'list', folder: 'tree', expectedFiles: folders * filesAFolder }),
  }
}

const largeBytes = 256 * mebibyte

function readRow(rttMs: number): Row {
  return {
    name: `read-${rttMs}ms`,
    doc: 'sequential read of 256 MiB | one GET of the whole content',
    rttMs,
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

export const rows: readonly Row[] = [
  ...rttsMs.map(listRow),
  ...rttsMs.map(readRow),
  readAgainRow(),
  ...writeRows,
  ...largeRows,
]
