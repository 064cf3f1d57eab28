import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { projectFolder } from '../harness/embedded-server.ts'
import { run, runToEnd, type Ran } from '../harness/programs.ts'
import { driverUnavailable } from './each-driver.ts'
import { mountUnavailable, Workplace } from './harness.ts'

const installTimeoutMs = 120_000
const prebuilds = join(projectFolder, '.ci/scripts/prebuilds.mjs')

/** What people install, made as `npm pack` makes it but for the binaries: one for this machine will do. */
class Package {
  readonly folder: string
  /** As it is published. */
  readonly tarball: string
  /** Without binaries, as where none is for the processor. */
  readonly bareTarball: string

  private constructor(folder: string, name: string) {
    this.folder = folder
    this.tarball = join(folder, name)
    this.bareTarball = join(folder, `bare-${name}`)
  }

  static async make(): Promise<Package> {
    const folder = await mkdtemp(join(tmpdir(), 'cm-package-'))
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: projectFolder })
    const [name = ''] = (await readdir(folder)).filter((each) => each.endsWith('.tgz'))
    const made = new Package(folder, name)
    await run('tar', ['-xzf', made.tarball, '-C', folder])
    await rm(join(folder, 'package/native/prebuilds'), { recursive: true })
    await run('tar', ['-czf', made.bareTarball, '-C', folder, 'package'])
    return made
  }

  /** Into an empty folder, with nothing from the network. Answers the command line there, and what was said. */
  async install(tarball: string, path: string): Promise<{ commandLine: string; said: string }> {
    const folder = await mkdtemp(join(this.folder, 'app-'))
    await writeFile(join(folder, 'package.json'), '{"private":true}')
    await copyDependencies(folder)
    const words = ['install', '--offline', '--no-audit', '--no-fund', '--foreground-scripts', tarball]
    const env = { ...process.env, PATH: path, npm_config_cache: join(this.folder, 'cache') }
    const said = await run('npm', words, { cwd: folder, env, timeout: installTimeoutMs })
    return { commandLine: join(folder, 'node_modules/cloudreve-mount/bin/cloudreve-mount.js'), said }
  }

  /** A PATH with Node.js and a shell in it, and nothing that compiles. */
  async withoutCompiler(): Promise<string> {
    const folder = join(this.folder, 'bin')
    await mkdir(folder)
    for (const name of ['node', 'npm', 'sh']) await symlink(locate(name), join(folder, name))
    return folder
  }
}

function locate(program: string): string {
  if (program === 'node') return process.execPath
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
  if (found === undefined) throw new Error(`not installed: ${program}`)
  return found
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
}

/** What is there already is not fetched: the packages that this checkout runs with. */
async function copyDependencies(folder: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(projectFolder, 'package-lock.json'), 'utf8')) as Lock
  const wanted = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(join(projectFolder, path)))
    .map(([path]) => path)
  for (const path of [...wanted, 'node_modules/.bin'])
    await cp(join(projectFolder, path), join(folder, path), { recursive: true, verbatimSymlinks: true })
}

/** The line of one check, without the remedy below it. */
function lineOf({ stdout }: Ran, check: string): string {
  const line = stdout
    .split('\n')
    .find((each) => /^ {2}(ok|warn|fail) /.test(each) && each.slice(8).startsWith(check))
  if (line === undefined) throw new Error(`doctor has no line about ${check}:\n${stdout}`)
  return line.trim().replace(/ +/g, ' ')
}

const programs = ['npm', 'g++', 'make', 'python3', 'readelf', 'tar']
const why =
  (await mountUnavailable(...programs)) ??
  driverUnavailable('native') ??
  driverUnavailable('libfuse2') ??
  (await binaryUnavailable())

/** Makes the binary for this machine. Why that cannot be done here; in CI that is an error. */
async function binaryUnavailable(): Promise<string | undefined> {
  const { exitCode, stdout } = await runToEnd(process.execPath, [prebuilds, '--here'])
  if (exitCode === 0) return undefined
  if (process.env['CI']) throw new Error(stdout)
  return stdout
}

if (why !== undefined) process.stdout.write(`package: skipped, ${why}\n`)

describe.skipIf(why !== undefined)('the package, installed in an empty folder', () => {
  let packed: Package
  let noCompiler: string
  let place: Workplace | undefined

  beforeAll(async () => {
    packed = await Package.make()
    noCompiler = await packed.withoutCompiler()
  }, installTimeoutMs)
  afterEach(async () => {
    await place?.close()
    place = undefined
  })
  afterAll(() => rm(packed.folder, { recursive: true }))

  /** A file goes to the server and back through a mount of the installed command line. */
  async function expectToMount(): Promise<void> {
    const mount = await place!.mount()
    await writeFile(place!.at('written'), 'through an installed package')
    await mount.settle()
    expect((await place!.drive.bytes('written')).toString()).toBe('through an installed package')
    expect(await readFile(place!.at('written'), 'utf8')).toBe('through an installed package')
    await mount.unmount()
  }

  async function expectNative(commandLine: string, origin: string): Promise<void> {
    place = await Workplace.open({ driver: 'auto', commandLine })
    const examined = await place.cli(['doctor'])
    expect(lineOf(examined, 'native driver')).toBe(`ok native driver loads, ${origin}`)
    expect(lineOf(examined, 'driver ')).toBe('ok driver native would be used: it is the better one')
    await expectToMount()
  }

  it('mounts with the binary that came along, where there is no compiler', async () => {
    const { commandLine, said } = await packed.install(packed.tarball, noCompiler)
    expect(said).not.toContain('native driver')
    await expectNative(commandLine, 'prebuilt')
  })

  it('compiles where no binary came along', async () => {
    const { commandLine, said } = await packed.install(packed.bareTarball, process.env['PATH'] ?? '')
    expect(said).toContain(
      'native driver: no binary that came with the package loads on this machine: compiling',
    )
    expect(said).toContain('native driver: compiled')
    await expectNative(commandLine, 'built here')
  })

  it('mounts with libfuse 2 where there is neither a binary nor a compiler', async () => {
    const { commandLine, said } = await packed.install(packed.bareTarball, noCompiler)
    expect(said).toContain('native driver: could not be compiled, which is no failure')
    place = await Workplace.open({ driver: 'auto', commandLine })
    const examined = await place.cli(['doctor'])
    expect(lineOf(examined, 'native driver')).toMatch(/^ok native driver not usable: .* comes with no binary/)
    expect(lineOf(examined, 'libfuse2 driver')).toBe('ok libfuse2 driver loads, built here')
    expect(lineOf(examined, 'driver ')).toMatch(
      /^warn driver the driver libfuse2 is used, because the native driver/,
    )
    await expectToMount()
  })

  it('says of each processor what is missing, where its binary cannot be compiled', async () => {
    const env = { ...process.env, PATH: noCompiler }
    const { exitCode, stdout } = await runToEnd(process.execPath, [prebuilds], { env })
    expect(exitCode).toBe(1)
    for (const [arch, debianName] of [
      ['x64', 'g++-x86-64-linux-gnu'],
      ['arm64', 'g++-aarch64-linux-gnu'],
    ])
      expect(stdout).toContain(`no compiler for ${arch}: install the package ${debianName} `)
  })
})
