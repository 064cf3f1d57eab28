// Compiles the addon of the native driver for this machine: `npm run build:native`. Does nothing when it is newer than its
// sources. Without a compiler or Node's headers it says so and ends well: another driver may do.
//
//   node .ci/scripts/build-native.mjs [--sanitize]
//
// --sanitize: native/build/Sanitize instead, with AddressSanitizer and UndefinedBehaviorSanitizer, and beside it an addon
// with planted bugs, which must be caught before the result is believed. `NATIVE_SANITIZE=1` makes the tests use it. Ends with
// 3 where this compiler has no sanitizers.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  addonSources,
  compileAddon,
  findCompiler,
  findHeaders,
  isUpToDate,
  native,
  root,
  say,
} from './compile-addon.mjs'

const sanitizers = [
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
  '-fno-omit-frame-pointer',
  '-g',
  '-O1',
]
const NO_SANITIZERS = 3

const isSanitizing = process.argv.includes('--sanitize')
const folder = join(native, 'build', isSanitizing ? 'Sanitize' : 'Release')
const words = isSanitizing ? sanitizers : ['-O2']

/** @returns {number} the exit status */
function main() {
  const compiler = findCompiler([process.env.CXX, 'c++', 'g++', 'clang++'])
  const headers = findHeaders()
  const output = join(folder, 'cloudreve_fuse.node')
  const isNew = isUpToDate(output)
  if (!(isNew && !isSanitizing) && !compiler) return giveUp('there is no C++ compiler (package g++)')
  if (!isNew && !headers)
    return giveUp(`the headers of Node ${process.versions.node} are not on this machine`)
  for (const library of isSanitizing ? ['libasan', 'libubsan'] : []) {
    if (!pathOf(library, compiler)) return giveUp(`${compiler} has no sanitizers (package ${library})`)
  }
  if (!isNew && !compileAddon({ compiler, headers, words, sources: addonSources(), output })) return 1
  if (isSanitizing && !catchesPlantedBugs(compiler, headers)) return 1
  say(isNew ? 'up to date' : `compiled ${output.slice(root.length + 1)}`)
  return 0
}

function giveUp(reason) {
  say(`left out, ${reason}`)
  return isSanitizing ? NO_SANITIZERS : 0
}

/** Compilers answer the bare name for a library that they do not have. */
function pathOf(library, compiler) {
  const { stdout } = spawnSync(compiler, [`-print-file-name=${library}.so`], { encoding: 'utf8' })
  const path = stdout.trim()
  return path.startsWith('/') && existsSync(path) ? path : undefined
}

/** A sanitizer that is not loaded finds nothing, and that looks like a clean run. */
function catchesPlantedBugs(compiler, headers) {
  const planted = join(folder, 'planted.node')
  const sources = [join(native, 'sanitize/planted.cc')]
  if (!compileAddon({ compiler, headers, words, sources, output: planted })) return false
  const bugs = {
    overflowHeap: 'heap-buffer-overflow',
    useAfterFree: 'heap-use-after-free',
    overflowInteger: 'signed integer overflow',
  }
  for (const [bug, verdict] of Object.entries(bugs)) {
    const { stderr } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(planted)}).${bug}()`], {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: pathOf('libasan', compiler), ASAN_OPTIONS: 'detect_leaks=0' },
    })
    if (stderr.includes(verdict)) continue
    say(`the sanitizer did not catch a planted bug (${bug}: no "${verdict}")\n${stderr}`)
    return false
  }
  say(`the sanitizers catch planted bugs: ${Object.values(bugs).join(', ')}`)
  return true
}

process.exitCode = main()
