import { writeFile } from 'node:fs/promises'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { projectFolder } from '../harness/embedded-server.ts'
import { findSites } from './sites.ts'

const folder = join(projectFolder, 'dist-crash')

/** The process that is killed, in one file: a run starts several, and to load hundreds of modules takes longer than what they do. */
export async function buildChild(): Promise<void> {
  const bundle = await rolldown({
    input: join(projectFolder, 'test/crash/child.ts'),
    platform: 'node',
    external: ['@napi-rs/keyring'],
    logLevel: 'warn',
  })
  const options = { file: join(folder, 'child.js'), format: 'esm', sourcemap: true } as const
  const { output } = await bundle.write({ ...options, codeSplitting: false })
  await bundle.close()
  const [{ code, map }] = output
  if (!map) throw new Error('the bundle comes without its source map')
  const places = placesIn(code, new SourceMap(map as unknown as SourceMapPayload))
  await writeFile(join(folder, 'places.json'), JSON.stringify(places))
}

/** For vitest, before all tests. */
export const setup = buildChild

/** Where the calls of the sites are in the bundle, as V8 names them (`line:column`): looked up here once, not by each process that dies. */
function placesIn(code: string, map: SourceMap): Record<string, string> {
  const sites = new Map(findSites().map(({ id, step }) => [id, step]))
  const places: Record<string, string> = {}
  for (const [index, line] of code.split('\n').entries())
    for (const { 1: step, index: dot } of line.matchAll(/\.(\w+)\(/g)) {
      const { originalSource = '', originalLine = 0 } = map.findEntry(index, dot + 1) as Partial<Entry>
      const id = `${originalSource.split('/').slice(-2).join('/')}:${originalLine + 1}`
      if (sites.get(id) === step) places[`${index + 1}:${dot + 2}`] = id
    }
  const found = new Set(Object.values(places))
  const missing = [...sites.keys()].filter((id) => !found.has(id))
  if (missing.length > 0) throw new Error(`the bundle has no ${missing.join(' and no ')}`)
  return places
}

interface Entry {
  readonly originalSource: string
  readonly originalLine: number
}
