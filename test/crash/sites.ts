import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '../harness/embedded-server.ts'

/** A place in the sources that takes a step on the local disk. */
export interface Site {
  /** `write/staged-file.ts:171` */
  readonly id: string
  readonly step: string
  /** The line. */
  readonly code: string
}

const call =
  /\b(?:file|layer|Layer)\.(open|write|append|truncate|datasync|replace|rename|remove|makeFolder|syncFolder)\(/

/** Every call of a `FileLayer`, or of a file of one, under src/core/write, src/core/inline and src/core/journal that changes something. */
export function findSites(): readonly Site[] {
  return ['write', 'inline', 'journal'].flatMap((folder) => {
    const path = join(projectFolder, 'src/core', folder)
    const names = readdirSync(path).filter((name) => name.endsWith('.ts'))
    return names.sort().flatMap((name) => sitesIn(`${folder}/${name}`, join(path, name)))
  })
}

function sitesIn(name: string, path: string): Site[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const step = call.exec(line)?.[1]
      return step === undefined ? [] : [{ id: `${name}:${index + 1}`, step, code: line.trim() }]
    })
}
