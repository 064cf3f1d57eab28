import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Gate } from '../../../fakes/call-script.ts'
import type { RemoteMethod } from '../../../fakes/memory-drive.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({ settings: { settleMs: 10_000 } }, (remote) => {
    remote.putAsOther('docs/letter', 'old letter')
    remote.putAsOther('docs/other', 'other')
  })
})

afterEach(() => drive.stop())

/** The process is killed while `method` is on its way; what it asked for is done when the gate is released, and nothing else waits for that. */
async function killedWhile(method: RemoteMethod): Promise<Gate> {
  const gate = drive.remote.hold(method)
  await drive.during(gate.entered)
  await drive.crash()
  gate.passOthers()
  return gate
}

describe('what a dead process has asked for, and the server does after the next one has started', () => {
  it('a deletion takes away nothing that was saved under the name since [W67]', async () => {
    await drive.unlink('docs/letter')
    const late = await killedWhile('remove')
    await drive.save('docs/letter', 'new letter')
    await drive.clock.advance(5_000)
    late.release()
    await drive.settleAll()
    expect(drive.remote.textAt('docs/letter')).toBe('new letter')
    expect(await drive.text('docs/letter')).toBe('new letter')
    expect(await drive.drain()).toEqual([])
  })

  it('a deletion takes away nothing that was renamed to the name since [W67]', async () => {
    await drive.unlink('docs/letter')
    const late = await killedWhile('remove')
    await drive.rename('docs/other', 'docs/letter')
    await drive.clock.advance(5_000)
    late.release()
    await drive.settleAll()
    expect(drive.remote.textAt('docs/letter')).toBe('other')
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter'])
  })
})

const changes = ['rename', 'move', 'remove', 'createFolder', 'createFile', 'patchMetadata', 'upload'] as const

/** What the server was asked to change since it was counted last. */
function asked(): string[] {
  return drive.remote.calls
    .map(({ method }) => method)
    .filter((method) => (changes as readonly string[]).includes(method))
}

async function changeMuch(): Promise<void> {
  await drive.save('docs/new', 'new')
  await drive.save('docs/other', 'changed')
  await drive.mkdir('folder')
  await drive.rename('docs/other', 'docs/renamed')
}

describe('after a process that was asking for something', () => {
  it('programs are served at once, and the server is asked for nothing for some time [W67]', async () => {
    await drive.unlink('docs/letter')
    await killedWhile('remove')
    await changeMuch()
    expect(await drive.names('docs')).toEqual(['new', 'renamed'])
    expect(await drive.text('docs/renamed')).toBe('changed')
    await drive.clock.advance(9_900)
    expect(asked()).toEqual([])
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/new', 'docs/renamed', 'folder/'])
  })

  it('a program that waits for the server waits for that too', async () => {
    await drive.unlink('docs/letter')
    await killedWhile('remove')
    await drive.save('docs/new', 'new')
    const startedAtMs = drive.clock.now()
    expect(await drive.drain()).toEqual([])
    expect(drive.clock.now() - startedAtMs).toBeGreaterThanOrEqual(9_000)
    expect(drive.remote.textAt('docs/new')).toBe('new')
  })

  it('the next but one waits as well, if the next is killed meanwhile', async () => {
    await drive.unlink('docs/letter')
    await killedWhile('remove')
    await drive.clock.advance(5_000)
    await drive.crash()
    await drive.clock.advance(9_900)
    expect(asked()).toEqual([])
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/other'])
  })
})

describe('nothing is waited for', () => {
  it('after an end in order', async () => {
    await drive.unlink('docs/letter')
    await drive.remount()
    await drive.unlink('docs/other')
    await drive.clock.advance(1_000)
    expect(asked()).toEqual(['remove'])
  })

  it('after a process that was killed when all it had asked for was done long ago', async () => {
    await drive.unlink('docs/letter')
    await drive.settleAll()
    await drive.clock.advance(11_000)
    await drive.crash()
    await drive.unlink('docs/other')
    await drive.clock.advance(1_000)
    expect(asked()).toEqual(['remove'])
  })
})
