import { run } from '../test/harness/programs.ts'
import { largeRows } from './large-rows.ts'
import type { Row } from './row.ts'
import { readRows } from './read-rows.ts'
import { writeRows } from './write-rows.ts'

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

export const rows: readonly Row[] = [...rttsMs.map(listRow), ...readRows, ...writeRows, ...largeRows]
