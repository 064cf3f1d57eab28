import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findSites } from '../crash/sites.ts'
import { projectFolder } from '../harness/embedded-server.ts'

/** Of what is promised to programs: where the runs that kill processes pull their hooks. */
const folders = ['src/core/write', 'src/core/journal']
const sources = folders.flatMap((folder) =>
  readdirSync(join(projectFolder, folder)).map((name) => ({
    name: `${folder.replace('src/core/', '')}/${name}`,
    lines: readFileSync(join(projectFolder, folder, name), 'utf8').split('\n'),
  })),
)

describe('every step on the local disk that a promise rests on', () => {
  it('goes through the layer that can be hooked', () => {
    const direct = sources.flatMap(({ name, lines }) =>
      lines.filter((line) => /from '(node:)?fs(\/promises)?'/.test(line)).map((line) => `${name}: ${line}`),
    )
    expect(direct).toEqual([])
  })

  it('is a place where a process can be killed, whatever its file is called', () => {
    const known = new Set(findSites().map(({ id }) => id))
    const steps = sources.flatMap(({ name, lines }) =>
      lines.flatMap((line, index) =>
        isStep(line) ? [{ id: `${name}:${index + 1}`, line: line.trim() }] : [],
      ),
    )
    expect(steps.length).toBeGreaterThan(10)
    expect(steps.filter(({ id }) => !known.has(id))).toEqual([])
  })
})

/** By the names that nothing else has; a journal's segment takes such steps itself. */
function isStep(line: string): boolean {
  return (
    /\.(datasync|syncFolder|makeFolder|replace\(.*(true|false))\(?/.test(line) && !line.includes('#segment.')
  )
}
