// Compiles the addon for the package: `npm run prebuilds`. One binary a processor, since Node-API is the same in every Node, and
// for every Linux that Node itself runs on: what a binary asks of the system's libraries is read out of it and checked.
//
//   node .ci/scripts/prebuilds.mjs [--check | --here]
//
// --check: compile nothing, only say whether a package can be made. --here: for this machine's processor alone.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

/** `machine`: e_machine of elf(5). */
const targets = [
  { arch: 'x64', triple: 'x86_64-linux-gnu', machine: 62, debian: 'g++-x86-64-linux-gnu' },
  { arch: 'arm64', triple: 'aarch64-linux-gnu', machine: 183, debian: 'g++-aarch64-linux-gnu' },
]
/** What Node 20 needs itself; a binary that needs more would not load everywhere that Node does. */
const newest = { GLIBC: '2.28', GLIBCXX: '3.4.21', CXXABI: '1.3.9' }

/** The tags are node-gyp-build's: Node-API, libuv 1, glibc. */
const outputOf = ({ arch }) => join(native, `prebuilds/linux-${arch}/cloudreve_fuse.napi.uv1.glibc.node`)
const compatibility = join(native, 'prebuild/old-libstdcxx.cc')
const inputs = [compatibility, fileURLToPath(import.meta.url)]

function build(target) {
  const { arch, triple, debian } = target
  const names = [`${triple}-g++`, ...(process.arch === arch ? ['g++', 'c++'] : [])]
  const compiler = findCompiler(names)
  if (!compiler) {
    say(`no compiler for ${arch}: install the package ${debian} (looked for ${names.join(', ')})`)
    return false
  }
  const headers = findHeaders()
  if (!headers) {
    say(`the headers of Node ${process.versions.node} are not on this machine`)
    return false
  }
  const output = outputOf(target)
  const sources = [...addonSources(), compatibility]
  if (!compileAddon({ compiler, headers, sources, output, words: ['-O2', '-s'] })) return false
  const trouble = troubleOf(target)
  if (trouble) {
    rmSync(output)
    say(`the binary for ${arch} will not do: ${trouble}`)
    return false
  }
  say(`compiled ${output.slice(root.length + 1)}, which needs ${needsInWords(output)}`)
  return true
}

/** Why a binary must not be in a package; undefined: it may. */
function troubleOf(target) {
  const output = outputOf(target)
  if (!existsSync(output)) return 'it is not there'
  if (!isUpToDate(output, inputs)) return 'its sources are newer'
  if (machineOf(output) !== target.machine) return 'it is for another processor'
  if (target.arch === process.arch && !loads(output)) return 'it does not load'
  for (const [library, version] of Object.entries(newestNeeds(output))) {
    if (!newest[library]) return `it needs ${library}`
    if (compareVersions(version, newest[library]) > 0)
      return `it needs ${library} ${version}, which is newer than ${newest[library]}`
  }
  return undefined
}

function machineOf(file) {
  const header = Buffer.alloc(20)
  const fd = openSync(file, 'r')
  try {
    readSync(fd, header, 0, header.length, 0)
  } finally {
    closeSync(fd)
  }
  return header.toString('latin1', 0, 4) === '\x7fELF' ? header.readUInt16LE(18) : undefined
}

/** In a process of its own: one that is broken may take its process down. */
function loads(file) {
  return (
    spawnSync(process.execPath, ['-e', `require(${JSON.stringify(file)})`], { stdio: 'ignore' }).status === 0
  )
}

/** The newest version of each library interface that a binary asks for; those of the compiler itself are in every Node. */
function newestNeeds(file) {
  const { status, stdout } = spawnSync('readelf', ['--version-info', '--wide', file], { encoding: 'utf8' })
  if (status !== 0) throw new Error('readelf (package binutils) could not read the binary')
  const needs = {}
  for (const [, library, version] of stdout.matchAll(/Name: ([A-Z]+)_([\d.]+)/g)) {
    if (library === 'GCC') continue
    if (!needs[library] || compareVersions(version, needs[library]) > 0) needs[library] = version
  }
  if (!needs.GLIBC) throw new Error(`readelf names no version of glibc for ${file}`)
  return needs
}

function needsInWords(file) {
  return Object.entries(newestNeeds(file))
    .map(([library, version]) => `${library} ${version}`)
    .join(', ')
}

function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function check() {
  const troubles = targets
    .map((target) => ({ path: outputOf(target).slice(root.length + 1), trouble: troubleOf(target) }))
    .filter(({ trouble }) => trouble !== undefined)
  for (const { path, trouble } of troubles) say(`${path}: ${trouble}`)
  if (troubles.length === 0) return true
  say('no package without a binary for each processor: run `npm run prebuilds` first')
  return false
}

/** Every binary that can be compiled here is, also where another cannot. */
function buildAll() {
  const wanted = targets.filter(({ arch }) => arch === process.arch || !process.argv.includes('--here'))
  return wanted.map(build).every(Boolean)
}

const isGood = process.argv.includes('--check') ? check() : buildAll()
process.exitCode = isGood ? 0 : 1
