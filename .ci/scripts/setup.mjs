// Makes a fresh checkout ready: system packages, npm packages, the libfuse2 driver's addon, the build. Does only what is
// missing, says each step in a line, and can be run any number of times. Plain Node: it runs before npm packages exist.
//
//   node .ci/scripts/setup.mjs [--tests]     --tests: also what only the tests need
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** Debian and Ubuntu packages; `has` tells whether what is needed of one is there, whoever installed it. */
const packages = [
  {
    name: 'fuse3',
    has: () => hasCommand('fusermount3'),
    why: 'to mount without being root',
    level: 'required',
  },
  { name: 'g++', has: () => hasCommand('g++'), why: 'to compile the drivers', level: 'compiler' },
  {
    name: 'libfuse-dev',
    has: hasFuse2Headers,
    why: 'headers of libfuse 2 for its driver',
    level: 'libfuse2',
  },
  { name: 'pkg-config', has: () => hasCommand('pkg-config'), why: 'to find them', level: 'libfuse2' },
  { name: 'make', has: () => hasCommand('make'), why: 'to compile that driver', level: 'libfuse2' },
  { name: 'python3', has: () => hasCommand('python3'), why: 'to compile that driver', level: 'libfuse2' },
  {
    name: 'attr',
    has: () => hasCommand('getfattr'),
    why: 'getfattr, in tests and examples',
    level: 'optional',
  },
  {
    name: 'python3-venv',
    has: hasPythonVenv,
    why: 'for an S3 server to test against',
    level: 'tests',
  },
  ...['rsync', 'sqlite3', 'git', 'tar', 'make', 'vim'].map((name) => ({
    name,
    has: () => hasCommand(name),
    why: 'for the end-to-end tests',
    level: 'tests',
  })),
]

/** An S3 server that others wrote; the S3 part of it alone, and what its HTTP side needs. */
const motoPackages = ['moto[s3]==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5']

/**
 * @param {{ tests?: boolean }} options
 * @throws {Error} when something is missing without which nothing works
 */
export function setUp({ tests = false } = {}) {
  checkNode()
  const headersWereThere = !libfuse2Packages().some(({ has }) => !has())
  installSystemPackages(tests)
  installNpmPackages(headersWereThere)
  run([process.execPath, join(root, '.ci/scripts/build-native.mjs')])
  build()
  if (tests) installMoto()
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Error(`Node ${process.versions.node} is too old: cloudreve-mount needs 20.19 or newer`)
}

function installSystemPackages(tests) {
  const missing = packages.filter(({ level, has }) => isWanted(level, tests) && !has())
  if (missing.length === 0) return say('system packages: all there')
  for (const { name, why } of missing) say(`system packages: ${name} is missing (${why})`)
  const names = missing.map(({ name }) => name)
  if (!hasCommand('apt-get')) {
    return giveUp(missing, `This is not Debian or Ubuntu: install what provides ${names.join(', ')}.`)
  }
  const prefix = rootPrefix()
  if (!prefix) {
    const line = lineForRoot(names)
    return giveUp(missing, `Only root can install packages. Run this, then try again:\n\n    ${line}\n`)
  }
  aptInstall(prefix, missing)
  const still = missing.filter(({ has }) => !has())
  if (still.length > 0)
    giveUp(still, `apt-get could not install ${still.map(({ name }) => name).join(', ')}.`)
}

/** What somebody who may become root pastes. */
function lineForRoot(names) {
  const update = 'apt-get update'
  const install = `apt-get install -y --no-install-recommends ${names.join(' ')}`
  return hasCommand('sudo') ? `sudo ${update} && sudo ${install}` : `su - -c '${update} && ${install}'`
}

/** What compiles a driver is not needed any more once it is compiled; tests compile the native one once more, with sanitizers. */
function isWanted(level, tests) {
  if (level === 'tests') return tests
  if (level === 'compiler') return tests || !drivers.native() || !drivers.libfuse2()
  return level !== 'libfuse2' || !drivers.libfuse2()
}

/** What the addon of the libfuse2 driver is compiled with. */
function libfuse2Packages() {
  return packages.filter(({ level }) => level === 'libfuse2' || level === 'compiler')
}

/** Goes on where only something optional is missing. */
function giveUp(missing, message) {
  process.stdout.write(`${message}\n`)
  const blocking = missing.filter(({ level }) => level === 'required' || level === 'tests')
  if (blocking.length === 0) return say('going on without: the rest works')
  const isMount = blocking.some(({ level }) => level === 'required')
  if (isMount && process.getuid?.() !== 0) {
    throw new Error('fuse3 is missing, and without it nothing can be mounted')
  }
  say(`going on without ${blocking.map(({ name }) => name).join(', ')}: what needs it will say so`)
}

/** Installs from the package lists as they are; updates them only when that fails, since it takes long. */
function aptInstall(prefix, missing) {
  const names = missing.map(({ name }) => name)
  say(`system packages: installing ${names.join(' ')}`)
  if (hasPackageLists() && runApt(prefix, ['install', ...names], 'ignore')) return
  say('system packages: apt-get update')
  runApt(prefix, ['update'])
  if (runApt(prefix, ['install', ...names])) return
  // One name that this machine cannot have is enough for apt-get to install nothing.
  for (const { name, has } of missing) if (!has()) runApt(prefix, ['install', name], 'ignore')
}

function runApt(prefix, words, output = 'inherit') {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return run([...prefix, 'apt-get', '-y', '-q', '--no-install-recommends', ...words], {
    env: environment,
    stdio: ['ignore', output, output],
    mayFail: true,
  })
}

function hasPackageLists() {
  const folder = '/var/lib/apt/lists'
  return (
    existsSync(folder) &&
    readdirSync(folder).some((name) => name.endsWith('Packages') || /Packages\./.test(name))
  )
}

/** Words before a command that needs root; `undefined` where there is no way to be root without a password. */
function rootPrefix() {
  if (process.getuid?.() === 0) return []
  if (!hasCommand('sudo')) return undefined
  const asked = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' })
  return asked.status === 0 ? ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive'] : undefined
}

function installNpmPackages(headersWereThere) {
  const modules = join(root, 'node_modules')
  if (!isInstalled(modules)) {
    say('npm packages: npm ci')
    run(['npm', 'ci', '--no-audit', '--no-fund'], { env: npmEnvironment() })
  } else {
    say('npm packages: all there')
  }
  installDriver(headersWereThere)
}

/**
 * npm drops an optional package that cannot be compiled, without a word, and later calls believe that all is well. So when
 * the addon does not load although a compiler and the headers are there, it is installed again.
 */
function installDriver(headersWereThere) {
  if (drivers.libfuse2()) return say('libfuse2 driver: ready')
  const lacking = libfuse2Packages().filter(({ has }) => !has())
  if (lacking.length > 0) {
    return say(
      `libfuse2 driver: left out, ${lacking.map(({ name }) => name).join(', ')} missing; the rest works`,
    )
  }
  say(`libfuse2 driver: compiling${headersWereThere ? ' again' : ''}`)
  const isThere = existsSync(join(root, 'node_modules/@cocalc/fuse-native/package.json'))
  // `npm rebuild` runs install scripts of what is there; a package that npm dropped needs a new install.
  run(isThere ? ['npm', 'rebuild', '@cocalc/fuse-native'] : ['npm', 'ci', '--no-audit', '--no-fund'], {
    env: npmEnvironment(),
    mayFail: true,
  })
  if (drivers.libfuse2()) return say('libfuse2 driver: ready')
  say(
    'libfuse2 driver: could not be compiled; the rest works. To see why: npm rebuild @cocalc/fuse-native --foreground-scripts',
  )
}

/** Tells node-gyp of the headers that came with this Node: otherwise it downloads them, which a closed network forbids. */
function npmEnvironment() {
  const prefix = resolve(dirname(process.execPath), '..')
  if (!hasHeadersOfThisNode(prefix)) return process.env
  const environment = { ...process.env, npm_package_config_node_gyp_nodedir: prefix }
  // The name that an older node-gyp knows; npm 11, whose node-gyp knows the new one, warns of it.
  const npmMajor = Number(/^npm\/(\d+)/.exec(process.env.npm_config_user_agent ?? '')?.[1] ?? 0)
  return npmMajor < 11 ? { ...environment, npm_config_nodedir: prefix } : environment
}

function hasHeadersOfThisNode(prefix) {
  const header = join(prefix, 'include/node/node_version.h')
  if (!existsSync(header)) return false
  const text = readFileSync(header, 'utf8')
  const [, ...version] =
    /MAJOR_VERSION (\d+)[^]*?MINOR_VERSION (\d+)[^]*?PATCH_VERSION (\d+)/.exec(text) ?? []
  return version.join('.') === process.versions.node
}

/** Whether each driver's addon loads. */
export const drivers = {
  native: () => loads(`require('node-gyp-build')(${JSON.stringify(join(root, 'native'))})`),
  libfuse2: () => loads("require('@cocalc/fuse-native')"),
}

/** In a process of its own: an addon that is broken may take its process down. */
function loads(script) {
  return spawnSync(process.execPath, ['-e', script], { cwd: root, stdio: 'ignore' }).status === 0
}

/** Into an environment of its own: Debian's Python takes no packages beside its own. What needs it says so where it is missing. */
function installMoto() {
  const folder = join(root, 'node_modules/.cache/cloudreve-mount/moto')
  const stamp = join(folder, 'installed')
  const wanted = motoPackages.join(' ')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return say('moto: ready')
  if (!hasPythonVenv()) return say('moto: left out, python3 with venv is missing')
  say('moto: installing')
  const pip = [join(folder, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check', ...motoPackages]
  const isThere =
    run(['python3', '-m', 'venv', '--clear', folder], { mayFail: true }) && run(pip, { mayFail: true })
  if (!isThere) return say('moto: could not be installed; the rest works')
  writeFileSync(stamp, wanted)
  say('moto: ready')
}

function hasPythonVenv() {
  return spawnSync('python3', ['-c', 'import ensurepip, venv'], { stdio: 'ignore' }).status === 0
}

function build() {
  const stamp = join(root, 'dist/cli/main.js')
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
  const newest = Math.max(...sources.map((name) => newestChange(join(root, name))))
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= newest) return say('build: up to date')
  say('build: npm run build')
  run(['npm', 'run', '--silent', 'build'])
}

/** mtime of the newest file or folder at or below `path`, ms: a folder's own counts, so that a removed file is seen. */
function newestChange(path) {
  const stats = statSync(path)
  if (!stats.isDirectory()) return stats.mtimeMs
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))))
}

/**
 * Whether node_modules holds what package-lock.json asks for. By content, since every checkout makes the lock file newer.
 * Optional packages may be absent: those of other machines, and those that could not be compiled.
 */
function isInstalled(modules) {
  const record = join(modules, '.package-lock.json')
  if (!existsSync(record)) return false
  const there = packagesOf(record)
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(
    ([path, { version, optional }]) => {
      const found = there[path]
      return path === '' || (found === undefined ? optional === true : found.version === version)
    },
  )
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages
}

export function hasCommand(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin']
  return folders.some((folder) => isExecutable(join(folder, name)))
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(error.code)) return false
    throw error
  }
}

function hasFuse2Headers() {
  return ['/usr/include/fuse/fuse.h', '/usr/local/include/fuse/fuse.h'].some((path) => existsSync(path))
}

/** Runs a command with its output shown. @throws {Error} when it fails, unless `mayFail` */
export function run([command, ...words], { mayFail = false, ...options } = {}) {
  const { status, error } = spawnSync(command, words, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    ...options,
  })
  if (status === 0) return true
  if (mayFail) return false
  throw new Error(`${[command, ...words].join(' ')} failed${error ? `: ${error.message}` : ''}`, {
    cause: error,
  })
}

export function say(line) {
  process.stdout.write(`setup: ${line}\n`)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    setUp({ tests: process.argv.includes('--tests') })
  } catch (error) {
    process.stderr.write(`setup: ${error.message}\n`)
    process.exit(1)
  }
}
