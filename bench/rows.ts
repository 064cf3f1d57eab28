import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../test/harness/programs.ts'
import { idleRows } from './idle-rows.ts'
import { largeRows } from './large-rows.ts'
import type { Row } from './row.ts'
import { readRows } from './read-rows.ts'
import { writeRows } from './write-rows.ts'

const rttsMs = [0, 20, 100] as const

/** What was changed so shortly before a walk is not believed of it (`MARGIN_MS` in `src/remote/cloudreve/changes.ts`), ms. */
const justChangedMs = 12_000

const folders = 100
const filesAFolder = 100

function listRow(rttMs: number): Row {
  return {
    name: `ls-${rttMs}ms`,
    doc: `ls -lR of ${folders * filesAFolder} files in ${folders} folders | 1.5 times a listing of all below, and 0.2 s`,
    rttMs,
    target: 1,
    mayTake: (plainMs) => 1.5 * plainMs + 200,
    async prepare({ server }) {
      for (let i = 0; i < folders; i += 1) {
        for (let j = 0; j < filesAFolder; j += 1)
          await server.admin.write(`/tree/d${i}/f${j}.txt`, `${i} ${j}`)
      }
      await delay(justChangedMs)
    },
    async onMount(place) {
      const listing = await run('ls', ['-lR', place.at('tree')])
      const seen = listing.split('\n').filter((line) => line.startsWith('-')).length
      if (seen !== folders * filesAFolder) throw new Error(`ls saw ${seen} files`)
    },
    plain: () => ({ kind: 'list-subtree', folder: 'tree', expectedFiles: folders * filesAFolder }),
  }
}

export const rows: readonly Row[] = [
  ...rttsMs.map(listRow),
  ...readRows,
  ...writeRows,
  ...largeRows,
  ...idleRows,
]
