import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { controlClient } from '../../../src/mount/control-client.ts'
import { exitCodes, type Json, type MountSpec } from '../../../src/mount/spec.ts'
import { settle } from '../../fakes/manual-clock.ts'
import { nothingLeft, ServingStage } from '../../fakes/serving-stage.ts'

let parent: string
let stage: ServingStage

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'serve-'))
  stage = new ServingStage(parent)
})

afterEach(() => rm(parent, { recursive: true }))

describe('a mount that is served', () => {
  it('is found and answers questions', async () => {
    const serving = stage.serve()
    await stage.ready
    expect(await stage.state()).toBe('mounted')
    const client = await controlClient('/nowhere/cloud/a', stage.spec.runtimeFolder)
    expect(await client.call('status')).toMatchObject({ uploads: [], state: 'mounted', account: 'anna' })
    expect(await client.call('info')).toMatchObject({
      rootUri: 'cloudreve://my',
      state: 'mounted',
      readOnly: true,
    })
    client.close()
    stage.close()
    await stage.draining
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
  })

  it('says before it is ready what an earlier one left behind', async () => {
    stage.notes = ['2 files could not be uploaded']
    const serving = stage.serve()
    await stage.ready
    expect(stage.events.at(-1)).toBe('2 files could not be uploaded')
    stage.close()
    await stage.draining
    stage.finishDrain(nothingLeft)
    await serving
  })

  it('leaves what is not sent to the next one when it is asked to, files being open or not', async () => {
    const serving = stage.serve()
    await stage.ready
    const client = await controlClient('/nowhere/cloud/a', stage.spec.runtimeFolder)
    let tellUnmounted: (event: Json) => void
    const unmounted = new Promise((resolve) => (tellUnmounted = resolve))
    const answer = client.call('unmount', { detach: true }, (event) => tellUnmounted(event))
    await unmounted
    await stage.clock.advance(5_000)
    expect(await answer).toEqual({ state: 'ended', left: 3, reason: 'in a hurry' })
    client.close()
    expect(await serving).toBe(3)
    expect(stage.events.slice(-4)).toEqual(['unmount', 'drain', 'close', 'sign off'])
  })

  it('after an unmount from outside sends what was written, then ends and leaves nothing', async () => {
    const serving = stage.serve()
    await stage.ready
    stage.close()
    await stage.draining
    expect(await stage.state()).toBe('draining')
    stage.tellDrain({ left: 1 })
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
    expect(stage.drained).toEqual([{ left: 1 }])
    expect(stage.events).toEqual(['mount /nowhere/cloud read-only', 'drain', 'close', 'sign off'])
    expect(await readdir(stage.spec.runtimeFolder)).toEqual([])
  })

  it('sends what was written, and ends, also when the folder of its record is gone', async () => {
    const serving = stage.serve()
    await stage.ready
    await rm(stage.spec.runtimeFolder, { recursive: true })
    stage.close()
    await stage.draining
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
    expect(stage.events).toEqual(['mount /nowhere/cloud read-only', 'drain', 'close', 'sign off'])
  })

  it('unmounts when somebody asks over the socket, and tells how it ends', async () => {
    const serving = stage.serve()
    await stage.ready
    const client = await controlClient('/nowhere/cloud', stage.spec.runtimeFolder)
    const events: Json[] = []
    const asked = client.call('unmount', { wait: true }, (event) => events.push(event))
    while (!stage.events.includes('unmount')) await settle()
    stage.close()
    await stage.draining
    stage.tellDrain({ left: 2 })
    stage.finishDrain({ left: 1, reason: 'report.odt: the drive is full' })
    expect(await asked).toEqual({ state: 'ended', left: 1, reason: 'report.odt: the drive is full' })
    expect(events).toEqual([{ state: 'unmounted' }, { left: 2 }])
    expect(await serving).toBe(3)
    client.close()
  })

  it('does not keep whoever unmounts waiting for programs that have files open', async () => {
    const serving = stage.serve()
    await stage.ready
    const client = await controlClient('/nowhere/cloud', stage.spec.runtimeFolder)
    let asked: Promise<Json> = Promise.resolve(null)
    await new Promise<Json>((resolve) => {
      asked = client.call('unmount', { wait: true }, resolve)
    })
    expect(await stage.state()).toBe('draining')
    await stage.clock.advance(3_000)
    expect(await asked).toEqual({ state: 'open' })
    client.close()
    stage.close()
    await stage.draining
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
  })

  it('tells somebody who asks late how far it is', async () => {
    const serving = stage.serve()
    await stage.ready
    stage.close()
    await stage.draining
    stage.tellDrain({ left: 2 })
    const client = await controlClient('/nowhere/cloud', stage.spec.runtimeFolder)
    const events: Json[] = []
    const asked = client.call('unmount', { wait: true }, (event) => {
      events.push(event)
      if (events.length === 2) stage.finishDrain(nothingLeft)
    })
    expect(await asked).toEqual({ state: 'ended', left: 0, reason: '' })
    expect(events).toEqual([{ state: 'unmounted' }, { left: 2 }])
    expect(await serving).toBe(0)
    client.close()
  })

  it('says so when it cannot be unmounted, and stays', async () => {
    stage.unmountFailure = new Error('fusermount3 is not installed')
    const serving = stage.serve()
    await stage.ready
    const client = await controlClient('/nowhere/cloud', stage.spec.runtimeFolder)
    await expect(client.call('unmount')).rejects.toThrow('fusermount3 is not installed')
    expect(await stage.state()).toBe('mounted')
    client.close()
    stage.close()
    await stage.draining
    stage.finishDrain(nothingLeft)
    await serving
  })
})

const other = (changes: Partial<MountSpec> = {}): Json => ({
  spec: { ...stage.spec, mountpoint: '/nowhere/other', ...changes } as unknown as Json,
})
/** Asks for it over the socket, as another process does. */
async function mountOther(params: Json): Promise<string[]> {
  const client = await controlClient('/nowhere/cloud', stage.spec.runtimeFolder)
  const notes: string[] = []
  await client.call('mount', params, (note) => notes.push(note as string)).finally(() => client.close())
  return notes
}

async function endOne(close: () => void): Promise<void> {
  const drains = () => stage.events.filter((event) => event === 'drain').length
  const before = drains()
  close()
  while (drains() === before) await settle()
  stage.finishDrain(nothingLeft)
}

describe('a second mount of the account', () => {
  it('that is gone already hears nothing of a request to end', async () => {
    const serving = stage.serve()
    await stage.ready
    const closeFirst = stage.close
    await mountOther(other())
    stage.close()
    await stage.draining
    stage.finishDrain(nothingLeft)
    while (!stage.events.includes('close')) await settle()
    stage.stops.request('ended by SIGTERM')
    closeFirst()
    while (stage.events.filter((event) => event === 'drain').length < 2) await settle()
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
    expect(stage.events.filter((event) => event === 'unmount')).toHaveLength(1)
  })

  it('is told that it ends with a process in the foreground', async () => {
    const serving = stage.serve(true)
    await stage.ready
    const closeFirst = stage.close
    expect(await mountOther(other())).toEqual([
      `process ${process.pid}, which serves the account already, is in the foreground: this mount ends with it`,
    ])
    for (const close of [stage.close, closeFirst]) await endOne(close)
    expect(await serving).toBe(0)
  })

  it('is told how its process logs, when it wanted that otherwise', async () => {
    const serving = stage.serve(false)
    await stage.ready
    const closeFirst = stage.close
    expect(await mountOther(other({ options: { 'log-level': 'debug' }, logFile: '/elsewhere' }))).toEqual([
      `process ${process.pid}, which serves the account already, goes on logging as /nowhere/cloud wants it (info instead of debug)`,
    ])
    const client = await controlClient('/nowhere/other', stage.spec.runtimeFolder)
    expect(await client.call('info')).toMatchObject({ logFile: stage.spec.logFile })
    client.close()
    for (const close of [stage.close, closeFirst]) await endOne(close)
    expect(await serving).toBe(0)
  })

  it('that cannot be told to others is taken away again', async () => {
    const serving = stage.serve()
    await stage.ready
    const closeFirst = stage.close
    const { runtimeFolder } = stage.spec
    stage.onMount = async () => {
      await rename(runtimeFolder, `${runtimeFolder}-gone`)
    }
    const client = await controlClient('/nowhere/cloud', runtimeFolder)
    await expect(client.call('mount', other())).rejects.toThrow('ENOENT')
    client.close()
    await rename(`${runtimeFolder}-gone`, runtimeFolder)
    expect(stage.events.slice(-2)).toEqual(['unmount', 'close'])
    closeFirst()
    await stage.draining
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
  })
})

describe('a process that is asked to end', () => {
  it('unmounts, leaves programs with open files a few seconds, sends, and ends', async () => {
    const serving = stage.serve()
    await stage.ready
    stage.stops.request('ended by SIGTERM')
    await stage.clock.advance(4_900)
    expect(stage.events).toEqual(['mount /nowhere/cloud read-only', 'unmount'])
    await stage.clock.advance(200)
    await stage.draining
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
  })

  it('a second time ends at once, and says that something is left', async () => {
    const serving = stage.serve()
    await stage.ready
    stage.stops.request('ended by SIGINT')
    await settle()
    stage.stops.request('ended by SIGINT')
    expect(await serving).toBe(3)
    expect(stage.log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: { left: 3, reason: 'in a hurry' } }),
    )
    expect(stage.events.slice(-2)).toEqual(['close', 'sign off'])
  })

  it('a second time while it is being unmounted ends when that is done: nothing stays mounted', async () => {
    let unmounted: (() => void) | undefined
    stage.onUnmount = () => new Promise((resolve) => (unmounted = resolve))
    const serving = stage.serve()
    await stage.ready
    await settle()
    stage.stops.request('ended by SIGTERM')
    stage.stops.request('ended by SIGTERM')
    for (let looks = 0; looks < 100; looks += 1) expect(await stage.state()).toBe('mounted')
    unmounted?.()
    expect(await serving).toBe(exitCodes.notDrained)
  })

  it('a second time while it cannot be unmounted ends after a few seconds', async () => {
    stage.onUnmount = () => new Promise(() => undefined)
    const serving = stage.serve()
    await stage.ready
    await settle()
    stage.stops.request('ended by SIGTERM')
    stage.stops.request('ended by SIGTERM')
    await stage.clock.advance(5_000)
    expect(await serving).toBe(exitCodes.notDrained)
  })

  it('ends also when it cannot unmount: the next start clears the dead mount away', async () => {
    stage.unmountFailure = new Error('no fusermount3')
    const serving = stage.serve()
    await stage.ready
    stage.stops.request('ended by SIGTERM')
    await stage.clock.advance(5_000)
    await stage.draining
    stage.finishDrain(nothingLeft)
    expect(await serving).toBe(0)
    expect(stage.log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'no fusermount3' }),
    )
  })
})

it('a mount that cannot be made leaves nothing behind', async () => {
  stage.mountFailure = new Error('/nowhere/cloud is not empty')
  await expect(stage.serve()).rejects.toThrow('is not empty')
  expect(stage.events).toEqual(['close', 'sign off'])
  expect(await readdir(stage.spec.runtimeFolder)).toEqual([])
})
