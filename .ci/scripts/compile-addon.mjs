// How the addon is compiled: for this machine (build-native.mjs) and for the package (prebuilds.mjs).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
export const native = join(root, 'native')
const sourceFolder = join(native, 'src')
const warnings = ['-Wall', '-Wextra', '-Werror']

export function addonSources() {
  const names = readdirSync(sourceFolder).filter((name) => name.endsWith('.cc'))
  return names.map((name) => join(sourceFolder, name))
}

/** The first of these that can be started. */
export function findCompiler(names) {
  return names.find((name) => name && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
}

/**
 * The folder of Node's headers: beside the running Node, as its archives and distributions have them, or where node-gyp puts
 * what it downloads. `undefined` when they are not on this machine.
 */
export function findHeaders() {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const prefixes = [process.env.npm_config_nodedir, resolve(dirname(process.execPath), '..')]
  return [...prefixes.filter(Boolean), join(cache, 'node-gyp', process.versions.node)]
    .map((prefix) => join(prefix, 'include/node'))
    .find((path) => existsSync(join(path, 'node_api.h')))
}

/** Whether `addon` is newer than everything in native/src and than these files. */
export function isUpToDate(addon, alsoFrom = []) {
  if (!existsSync(addon)) return false
  const sources = readdirSync(sourceFolder).map((name) => join(sourceFolder, name))
  const inputs = [sourceFolder, ...sources, fileURLToPath(import.meta.url), ...alsoFrom]
  return statSync(addon).mtimeMs >= Math.max(...inputs.map((path) => statSync(path).mtimeMs))
}

/**
 * Under another name first: a process that has the old addon loaded keeps it, and a build that is cut off leaves none.
 *
 * @returns {boolean} whether it went well; the compiler's own words are shown
 */
export function compileAddon({ compiler, headers, sources, output, words = [] }) {
  mkdirSync(dirname(output), { recursive: true })
  const half = `${output}.${process.pid}`
  const all = [
    '-std=c++17',
    ...warnings,
    '-fPIC',
    '-fvisibility=hidden',
    '-shared',
    '-pthread',
    '-DNAPI_VERSION=9',
    '-isystem',
    headers,
    ...words,
    ...sources,
    '-o',
    half,
  ]
  const { status } = spawnSync(compiler, all, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) {
    rmSync(half, { force: true })
    say(`${compiler} failed`)
    return false
  }
  renameSync(half, output)
  return true
}

export function say(sentence) {
  process.stdout.write(`native addon: ${sentence}\n`)
}
