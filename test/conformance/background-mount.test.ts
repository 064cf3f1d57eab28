import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { isProcessAlive } from '../../src/base/process-state.ts'
import { mountAt, readMounts } from '../../src/fuse/mountinfo.ts'
import { controlClient } from '../../src/mount/control-client.ts'
import { listRunning } from '../../src/mount/registry.ts'
import type { BackgroundOptions } from '../../src/mount/start-in-background.ts'
import type { Json, MountSpec } from '../../src/mount/spec.ts'
import { describeDrivers } from '../e2e/each-driver.ts'
import { builtPath } from './libfuse2/build.ts'
import { BUSY_FILE } from './libfuse2/memory-composition.ts'
import { run, whyNoFuse } from './libfuse2/served.ts'

const reason = await whyNoFuse()
/** For what another process does. */
const PATIENCE = { timeout: 20_000, interval: 20 }
const composition = pathToFileURL(builtPath('test/conformance/libfuse2/memory-composition.ts')).href

describeDrivers('a mount in the background', reason, (driver) => {
  type Start = (spec: MountSpec, options: BackgroundOptions) => Promise<{ mountpoint: string; pid: number }>
  let startInBackground: Start
  let parent: string
  let spec: MountSpec

  beforeAll(async () => {
    // The built one: it starts the process from the file beside it, which must be plain JavaScript.
    const module = (await import(builtPath('src/mount/start-in-background.ts'))) as {
      startInBackground: Start
    }
    startInBackground = module.startInBackground
  })

  beforeEach(async () => {
    parent = await fs.realpath(await fs.mkdtemp(join(tmpdir(), 'background-')))
    for (const name of ['one', 'two', 'state']) await fs.mkdir(join(parent, name))
    spec = {
      mountpoint: join(parent, 'one'),
      accountKey: 'anna@example.com',
      rootUri: 'cloudreve://my',
      readOnly: false,
      options: { driver },
      config: null,
      stateFolder: join(parent, 'state'),
      cacheFolder: join(parent, 'cache'),
      runtimeFolder: join(parent, 'run'),
      logFile: join(parent, 'log', 'mount.log'),
      verbose: false,
    }
  })

  afterEach(async () => {
    for (const { pid } of await listRunning(spec.runtimeFolder)) process.kill(pid, 'SIGKILL')
    await nobodyRuns()
    for (const name of ['one', 'two']) {
      const mountpoint = join(parent, name)
      if (mountAt(await readMounts(), mountpoint)) await run('umount', ['-l', mountpoint])
    }
    await fs.rm(parent, { recursive: true })
  })

  const start = (changes: Partial<MountSpec> = {}, options: BackgroundOptions = {}) =>
    startInBackground({ ...spec, ...changes }, { composition, ...options })
  const elsewhere = () => ({ mountpoint: join(parent, 'two') })
  const state = async () => (await listRunning(spec.runtimeFolder))[0]?.state
  const setBusy = (isBusy: boolean) =>
    isBusy
      ? fs.writeFile(join(spec.stateFolder, BUSY_FILE), '')
      : fs.rm(join(spec.stateFolder, BUSY_FILE), { force: true })
  const log = () => fs.readFile(spec.logFile, 'utf8')

  const nobodyRuns = () =>
    vi.waitFor(async () => expect(await listRunning(spec.runtimeFolder)).toEqual([]), PATIENCE)
  const drains = () => vi.waitFor(async () => expect(await state()).toBe('draining'), PATIENCE)

  it('is ready when the start says so, and outlives whoever started it', async () => {
    const { mountpoint, pid } = await start()
    expect(mountpoint).toBe(spec.mountpoint)
    await fs.writeFile(join(mountpoint, 'a'), 'hello')
    expect(await fs.readFile(join(mountpoint, 'a'), 'utf8')).toBe('hello')
    expect(await listRunning(spec.runtimeFolder)).toMatchObject([{ pid, mountpoint, state: 'mounted' }])
    const { stdout } = await run('ps', ['-o', 'sid=,pid=', '-p', String(pid)])
    const [session, own] = stdout.trim().split(/\s+/)
    expect(session).toBe(own)
  })

  it('fails with the sentence of the process, which is gone then', async () => {
    await expect(start({ options: { driver, broken: true } })).rejects.toMatchObject({
      name: 'MountError',
      message: 'the password of anna@example.com is wrong: log in again',
    })
    await nobodyRuns()
    expect(await log()).toContain('the password of anna@example.com is wrong')
  })

  it('says where to look when the process dies without a word', async () => {
    const broken = { composition: pathToFileURL(join(parent, 'state')).href }
    await expect(start({}, broken)).rejects.toThrow(/state/)
    await fs.writeFile(join(parent, 'exit.mjs'), 'process.exit(7)')
    const dying = { composition: pathToFileURL(join(parent, 'exit.mjs')).href }
    await expect(start({}, dying)).rejects.toThrow(
      driver === 'native' ? /the thread .* ended with code 7/ : /ended with code 7: see .*mount.log/,
    )
  })

  it('a second mount of the account is served by the same process, which ends with the last', async () => {
    const first = await start()
    const second = await start(elsewhere())
    expect(second).toEqual({ mountpoint: join(parent, 'two'), pid: first.pid })
    await fs.writeFile(join(second.mountpoint, 'b'), 'second')
    expect(await fs.readdir(first.mountpoint)).toEqual([])
    expect((await listRunning(spec.runtimeFolder)).map(({ state }) => state)).toEqual(['mounted', 'mounted'])
    const client = await controlClient(first.mountpoint, spec.runtimeFolder)
    expect(await client.call('unmount', { wait: true })).toEqual({ state: 'ended', left: 0, reason: '' })
    client.close()
    expect(await fs.readFile(join(second.mountpoint, 'b'), 'utf8')).toBe('second')
    await run('fusermount3', ['-u', second.mountpoint])
    await nobodyRuns()
    await vi.waitFor(async () => expect(await isProcessAlive(first.pid)).toBe(false), PATIENCE)
  })

  it('a second mount of the account that fails leaves the first alone', async () => {
    await start()
    await expect(start({ ...elsewhere(), options: { driver, broken: true } })).rejects.toThrow(/log in again/)
    await fs.writeFile(join(spec.mountpoint, 'a'), 'x')
    expect(await listRunning(spec.runtimeFolder)).toMatchObject([{ mountpoint: spec.mountpoint }])
  })

  it('refuses a second mount on the folder, by whichever account', async () => {
    await start()
    await expect(start()).rejects.toThrow(/is mounted on .*one already/)
    await expect(start({ accountKey: 'bob@example.com' })).rejects.toThrow(
      /something is mounted on .*one already/,
    )
  })

  it('an error that nobody expected does not take the folder away', async () => {
    await start()
    const client = await controlClient(spec.mountpoint, spec.runtimeFolder)
    await client.call('blunder')
    client.close()
    await fs.writeFile(join(spec.mountpoint, 'a'), 'x')
    expect(await fs.readFile(join(spec.mountpoint, 'a'), 'utf8')).toBe('x')
    expect(await log()).toContain('nobody looks at this')
  })

  it.runIf(driver === 'native')(
    'when the serving thread fails, the folder is taken away and the process says so',
    async () => {
      const { pid } = await start()
      const client = await controlClient(spec.mountpoint, spec.runtimeFolder)
      // The answer may come before the end of who gives it, or not.
      const [answer] = await Promise.allSettled([client.call('collapse')])
      if (answer.status === 'rejected') expect(String(answer.reason)).toContain('nobody catches this')
      client.close()
      await nobodyRuns()
      await vi.waitFor(async () => expect(await isProcessAlive(pid)).toBe(false), PATIENCE)
      expect(mountAt(await readMounts(), spec.mountpoint)).toBeUndefined()
      expect(await log()).toContain('nobody catches this')
    },
  )

  it('a folder behind a symbolic link is served under its real name', async () => {
    await fs.symlink(join(parent, 'one'), join(parent, 'link'))
    await start({ mountpoint: join(parent, 'link') })
    const client = await controlClient(join(parent, 'one'), spec.runtimeFolder)
    expect(await client.call('info')).toMatchObject({ mountpoint: join(parent, 'one') })
    client.close()
  })

  it('an unmount waits until everything is sent, with progress; a new mount waits for it [W27]', async () => {
    await start()
    await setBusy(true)
    const client = await controlClient(spec.mountpoint, spec.runtimeFolder)
    const events: Json[] = []
    const unmounting = client.call('unmount', { wait: true }, (event) => events.push(event))
    await drains()
    expect(mountAt(await readMounts(), spec.mountpoint)).toBeUndefined()
    const says = new EventEmitter()
    const waiting = once(says, 'waiting')
    const second = start(elsewhere(), { onNote: (sentence) => says.emit('waiting', sentence) })
    expect(await waiting).toEqual([
      expect.stringMatching(/one is unmounted, but what was written there is still being sent/),
    ])
    await setBusy(false)
    expect(await unmounting).toEqual({ state: 'ended', left: 0, reason: '' })
    expect(events).toContainEqual({ left: 1 })
    expect((await second).mountpoint).toBe(join(parent, 'two'))
    client.close()
  })

  it('after an unmount from outside goes on sending, then ends', async () => {
    await start()
    await setBusy(true)
    await run('fusermount3', ['-u', spec.mountpoint])
    await drains()
    await setBusy(false)
    await nobodyRuns()
    expect(await log()).toContain('"closed"')
  })

  it('after kill -9 a start on the same folder works, and nobody counts the dead one', async () => {
    const { pid } = await start()
    process.kill(pid, 'SIGKILL')
    await nobodyRuns()
    await expect(fs.stat(spec.mountpoint)).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTCONN|ECONNABORTED)$/),
    })
    await start()
    await fs.writeFile(join(spec.mountpoint, 'a'), 'x')
    expect(await log()).toContain('a mount that nobody serves has been cleared away')
  })

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s unmounts and ends it', async (signal) => {
    const { pid } = await start()
    process.kill(pid, signal)
    await nobodyRuns()
    expect(mountAt(await readMounts(), spec.mountpoint)).toBeUndefined()
    expect(await fs.readdir(spec.mountpoint)).toEqual([])
    expect(await log()).not.toContain('"level":50')
  })

  it('a start that is broken off leaves no process and no mount', async () => {
    const { pid } = await start(elsewhere())
    await setBusy(true)
    process.kill(pid, 'SIGTERM')
    await drains()
    // It waits for the first one now; its starter goes away meanwhile.
    const child = fork(builtPath('src/mount/serve-main.ts'), [], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.send({ spec, composition })
    const [message] = (await once(child, 'message')) as [{ say: string }]
    expect(message.say).toBe('note')
    child.disconnect()
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(1)
    await setBusy(false)
    await nobodyRuns()
    expect(mountAt(await readMounts(), spec.mountpoint)).toBeUndefined()
  })
})
