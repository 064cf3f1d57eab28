import { readdirSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../../src')

/**
 * Which layer may import which: imports point down only (docs/ARCHITECTURE.md). A layer is the longest prefix that matches;
 * `src` names other layers or single files, `npm` packages. A layer may always import itself, and everyone `base`.
 */
const layers: Record<string, { src: string[]; npm: string[] }> = {
  base: { src: [], npm: [] },
  api: { src: [], npm: ['got', 'zod', 'p-queue', 'eventsource-parser'] },
  auth: { src: ['api'], npm: ['@napi-rs/keyring', 'zod'] },
  transfer: { src: ['api'], npm: ['got', 'p-queue'] },
  remote: { src: [], npm: [] },
  'remote/cloudreve': { src: ['api', 'transfer', 'remote'], npm: [] },
  core: { src: ['remote'], npm: ['lru-cache', 'p-queue'] },
  fuse: {
    src: ['core/types.ts', 'core/errors.ts', 'core/ports.ts'],
    npm: [],
  },
  'fuse/libfuse2': {
    src: ['fuse', 'core/types.ts', 'core/errors.ts', 'core/ports.ts'],
    npm: ['@cocalc/fuse-native'],
  },
  'fuse/native': {
    // The addon's contract is types alone.
    src: ['fuse', 'core/types.ts', 'core/errors.ts', 'core/ports.ts', '../native/index.d.ts'],
    npm: ['node-gyp-build'],
  },
  config: { src: [], npm: ['smol-toml'] },
  mount: {
    src: [
      'config',
      'api',
      'auth',
      'transfer',
      'remote',
      'remote/cloudreve',
      'core',
      'fuse',
      'fuse/libfuse2',
      'fuse/native',
    ],
    npm: ['pino', 'pino-pretty'],
  },
  cli: {
    src: ['config', 'auth', 'api', 'mount', 'cli/commands/server.ts', 'cli/commands/demo.ts'],
    npm: ['commander', '@clack/prompts', 'cli-progress'],
  },
  'cli/commands/server.ts': { src: ['cli', 'server', 'config'], npm: ['commander'] },
  'cli/commands/demo.ts': {
    src: ['cli', 'server', 'config', 'mount', 'auth', 'api'],
    npm: ['commander', '@clack/prompts'],
  },
  server: { src: ['api/types.ts'], npm: [] },
}

interface Import {
  file: string
  target: string
  typeOnly: boolean
  /** `import()`: loaded when that line runs. */
  isLate: boolean
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return sourceFiles(path)
    return path.endsWith('.ts') ? [path] : []
  })
}

function importsOf(path: string): Import[] {
  const text = readFileSync(path, 'utf8')
  const pattern =
    /^\s*(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/gm
  return [...text.matchAll(pattern)].map((match) => {
    const specifier = match[2] ?? match[3] ?? ''
    const target = specifier.startsWith('.') ? relative(root, resolve(dirname(path), specifier)) : specifier
    const [typeOnly, isLate] = [match[1] !== undefined, match[3] !== undefined]
    return { file: relative(root, path), target, typeOnly, isLate }
  })
}

/** `remote/cloudreve` for `remote/cloudreve/map-entry.ts`: the longest entry of the table that holds the file. */
function layerOf(file: string): string | undefined {
  return Object.keys(layers)
    .filter((layer) => file === layer || file.startsWith(layer + sep))
    .sort((a, b) => b.length - a.length)[0]
}

function isLocal(target: string): boolean {
  return target.endsWith('.ts')
}

function mayImport(layer: string, { target, typeOnly }: Import): boolean {
  const { src, npm } = layers[layer]!
  if (!isLocal(target))
    return isBuiltin(target) || npm.some((name) => target === name || target.startsWith(`${name}/`))
  if (src.includes(target)) return true
  const targetLayer = layerOf(target)
  if (targetLayer === undefined) return false
  if (targetLayer === layer || targetLayer === 'base') return true
  if (layer === 'server' && !typeOnly) return false
  return src.includes(targetLayer)
}

/** What is loaded with `entry` before its first line runs: files of ours and packages. */
function loadedWith(entry: string): Set<string> {
  const loaded = new Set([entry])
  // A set also visits what is added meanwhile.
  for (const file of loaded) {
    if (!isLocal(file)) continue
    const imports = importsOf(join(root, file)).filter(({ typeOnly, isLate }) => !typeOnly && !isLate)
    for (const { target } of imports) loaded.add(target)
  }
  return loaded
}

/** Not for a command line to wait for: each costs tens of milliseconds, or brings in what does. */
const heavyForCommands = [
  '@clack/prompts',
  '@cocalc/fuse-native',
  'core/index.ts',
  'got',
  'lru-cache',
  'mount/run-mount.ts',
  'node-gyp-build',
  'p-queue',
  'pino',
  'pino-pretty',
  'server/index.ts',
]

const files = sourceFiles(root)

describe('layers', () => {
  it('has a layer for every file', () => {
    const homeless = files
      .map((file) => relative(root, file))
      .filter((file) => file !== 'index.ts' && !layerOf(file))
    expect(homeless).toEqual([])
  })

  it('imports point down only', () => {
    const upward = files
      .flatMap(importsOf)
      .filter((found) => found.file !== 'index.ts' && !mayImport(layerOf(found.file)!, found))
      .map(({ file, target }) => `${file} must not import ${target}`)
    expect(upward).toEqual([])
  })

  it('the command line starts without what only some commands need', () => {
    const loaded = loadedWith('cli/main.ts')
    expect(loaded).toContain('commander')
    expect(loaded).toContain('cli/commands/status.ts')
    expect(heavyForCommands.filter((heavy) => loaded.has(heavy))).toEqual([])
  })

  it('time passes in base/clock.ts only, except in the embedded server and the command line', () => {
    const clocks = files
      .filter((file) => /\b(Date\.now|setTimeout|setInterval)\(/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(root, file))
      .filter((file) => file !== 'base/clock.ts' && !/^(server|cli)\//.test(file))
    expect(clocks).toEqual([])
  })
})
