/** How long it takes until the server has what programs wrote and removed. */
import { mkdir, open, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Workplace } from '../test/e2e/harness.ts'
import { run } from '../test/harness/programs.ts'
import { quartiles } from './quartiles.ts'
import { quietMs, type Row } from './row.ts'
import { untilAnswered } from './until-answered.ts'

const smallFiles = 1000
const smallBytes = 10 * 1024

/** What a PUT on a disk of its own waits for, and what the staging of each file waits for here. */
async function syncsASecond({ scratch }: Workplace): Promise<string> {
  const file = await open(join(scratch, 'synced'), 'w')
  const start = performance.now()
  let syncs = 0
  for (; performance.now() - start < 1000; syncs += 1) {
    await file.write(Buffer.alloc(4096, syncs % 256))
    await file.datasync()
  }
  await file.close()
  return `${Math.round((syncs * 1000) / (performance.now() - start))} fdatasync a second, one after the other`
}

function smallFilesRow({
  rttMs,
  inFlight,
  target,
}: {
  rttMs: number
  inFlight: number
  target: number
}): Row {
  return {
    name: `write-${rttMs}ms`,
    doc: `cp -r of ${smallFiles} files of 10 KiB until on the server, less the quiet time | a PUT each, ${inFlight} at a time`,
    rttMs,
    target,
    quietMs,
    note: syncsASecond,
    async prepare({ scratch }) {
      await mkdir(join(scratch, 'small'))
      for (let i = 0; i < smallFiles; i += 1) {
        await writeFile(join(scratch, 'small', `f${i}.bin`), Buffer.alloc(smallBytes, `${i} `))
      }
    },
    async onMount(place, _mount, round) {
      const { position } = place.server.requests
      await run('cp', ['-r', join(place.scratch, 'small'), place.at(`mount-${round}`)])
      await untilAnswered(place, { route: 'PUT /file/content', count: smallFiles, position })
    },
    plain: (place, round) => ({
      kind: 'write',
      source: join(place.scratch, 'small'),
      folder: `plain-${round}`,
      expectedFiles: smallFiles,
      inFlight,
    }),
  }
}

const saves = 10

function saveRow(rttMs: number): Row {
  return {
    name: `save-${rttMs}ms`,
    doc: `an editor's save (write a new file, fsync, rename over) until on the server, less the quiet time | 1.5 round trips + 30 ms`,
    rttMs,
    target: 1,
    quietMs,
    async prepare({ server }) {
      await server.admin.write('/letter.txt', 'old')
    },
    async onMount(place) {
      const took: number[] = []
      for (let i = 0; i < saves; i += 1) {
        const { position } = place.server.requests
        const file = await open(place.at('.letter.tmp'), 'w')
        await file.write(`saved ${i} times`)
        await file.sync()
        await file.close()
        const start = performance.now()
        await rename(place.at('.letter.tmp'), place.at('letter.txt'))
        await untilAnswered(place, { route: 'PUT /file/content', count: 1, position })
        took.push(performance.now() - start)
      }
      return quartiles(took).median
    },
    plain: () => 1.5 * rttMs + 30,
  }
}

const removedFiles = 3000
const mostRequests = 5

function removeRow(rttMs: number): Row {
  return {
    name: `remove-${rttMs}ms`,
    doc: `rm -r of ${removedFiles} files, from the last unlink until the server has removed them, in at most ${mostRequests} requests | 2 s`,
    rttMs,
    target: 1,
    async prepare({ server }) {
      await server.admin.write('/trees/seed.txt', 'so that there is the folder')
    },
    // Nobody has looked into the folder on this mount yet, so what is made there now is seen.
    async onMount(place, _mount, round) {
      for (let i = 0; i < removedFiles; i += 1)
        await place.server.admin.write(`/trees/${round}/d${i % 30}/f${i}`, `${i}`)
      await run('ls', ['-lR', place.at(`trees/${round}`)])
      const { position } = place.server.requests
      await run('rm', ['-r', place.at(`trees/${round}`)])
      const start = performance.now()
      await untilAnswered(place, { route: 'DELETE /file', count: 1, position })
      const ms = performance.now() - start
      const { length } = place.server.requests.since(position)
      if (length > mostRequests) throw new Error(`${length} requests to remove a tree`)
      return ms
    },
    plain: () => 2000,
  }
}

export const writeRows: readonly Row[] = [
  smallFilesRow({ rttMs: 0, inFlight: 8, target: 2 }),
  smallFilesRow({ rttMs: 20, inFlight: 8, target: 1.25 }),
  smallFilesRow({ rttMs: 100, inFlight: 16, target: 1.25 }),
  saveRow(0),
  saveRow(20),
  saveRow(100),
  removeRow(20),
]
