// Compiles the addon of the native driver where no prebuilt one fits: `npm run build:native`. Does nothing when it is newer
// than its sources. Without a compiler or Node's headers it says so and ends well: the libfuse2 driver stays.
//
//   node .ci/scripts/build-native.mjs [--sanitize]
//
// --sanitize: native/build/Sanitize instead, with AddressSanitizer and UndefinedBehaviorSanitizer, and beside it an addon
// with planted bugs, which must be caught before the result is believed. `NATIVE_SANITIZE=1` makes the tests use it.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const native = join(root, 'native')
const sourceFolder = join(native, 'src')
const warnings = ['-Wall', '-Wextra', '-Werror']
const sanitizers = [
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
  '-fno-omit-frame-pointer',
  '-g',
]

const isSanitizing = process.argv.includes('--sanitize')
const folder = join(native, 'build', isSanitizing ? 'Sanitize' : 'Release')

/** @returns {number} the exit status */
function main() {
  const compiler = [process.env.CXX, 'c++', 'g++', 'clang++'].find((name) => name && works(name))
  const headers = headerFolders().find((path) => existsSync(join(path, 'node_api.h')))
  const addon = join(folder, 'cloudreve_fuse.node')
  const names = readdirSync(sourceFolder).filter((name) => name.endsWith('.cc'))
  const sources = names.map((name) => join(sourceFolder, name))
  const isNew = isUpToDate(addon)
  if (!isNew && !compiler) return giveUp('there is no C++ compiler (package g++)')
  if (!isNew && !headers)
    return giveUp(`the headers of Node ${process.versions.node} are not on this machine`)
  if (!isNew && !compile(compiler, headers, sources, addon)) return 1
  if (isSanitizing && !catchesPlantedBugs(compiler, headers)) return 1
  say(isNew ? 'up to date' : `compiled ${addon.slice(root.length + 1)}`)
  return 0
}

function giveUp(reason) {
  say(`left out, ${reason}; the libfuse2 driver stays`)
  // Who asks for the sanitizers wants their verdict.
  return isSanitizing ? 1 : 0
}

function works(compiler) {
  return spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0
}

/** Beside the running Node, as its archives and distributions have them, then where node-gyp puts what it downloads. */
function headerFolders() {
  const version = process.versions.node
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const prefixes = [process.env.npm_config_nodedir, resolve(dirname(process.execPath), '..')]
  return [...prefixes.filter(Boolean), join(cache, 'node-gyp', version)].map((prefix) =>
    join(prefix, 'include/node'),
  )
}

function isUpToDate(addon) {
  if (!existsSync(addon)) return false
  const inputs = [sourceFolder, fileURLToPath(import.meta.url)]
  const newest = Math.max(
    ...inputs.map((path) => statSync(path).mtimeMs),
    ...readdirSync(sourceFolder).map((name) => statSync(join(sourceFolder, name)).mtimeMs),
  )
  return statSync(addon).mtimeMs >= newest
}

/** Under another name first: a process that has the old addon loaded keeps it, and a build that is cut off leaves none. */
function compile(compiler, headers, sources, addon) {
  mkdirSync(dirname(addon), { recursive: true })
  const half = `${addon}.${process.pid}`
  const words = [
    '-std=c++17',
    ...(isSanitizing ? [...sanitizers, '-O1'] : ['-O2']),
    ...warnings,
    '-fPIC',
    '-fvisibility=hidden',
    '-shared',
    '-pthread',
    '-DNAPI_VERSION=9',
    '-isystem',
    headers,
    ...sources,
    '-o',
    half,
  ]
  const { status } = spawnSync(compiler, words, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) {
    rmSync(half, { force: true })
    say(`${compiler} failed`)
    return false
  }
  renameSync(half, addon)
  return true
}

/** A sanitizer that is not loaded finds nothing, and that looks like a clean run. */
function catchesPlantedBugs(compiler, headers) {
  const planted = join(folder, 'planted.node')
  if (!compile(compiler, headers, [join(native, 'sanitize/planted.cc')], planted)) return false
  const library = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim()
  const bugs = {
    overflowHeap: 'heap-buffer-overflow',
    useAfterFree: 'heap-use-after-free',
    overflowInteger: 'signed integer overflow',
  }
  for (const [bug, verdict] of Object.entries(bugs)) {
    const { stderr } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(planted)}).${bug}()`], {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0' },
    })
    if (stderr.includes(verdict)) continue
    say(`the sanitizer did not catch a planted bug (${bug}: no "${verdict}")\n${stderr}`)
    return false
  }
  say(`the sanitizers catch planted bugs: ${Object.values(bugs).join(', ')}`)
  return true
}

function say(sentence) {
  process.stdout.write(`native addon: ${sentence}\n`)
}

process.exitCode = main()
