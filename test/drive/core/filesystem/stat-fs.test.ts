import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Capacity } from '../../../../src/remote/types.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive, type TestDriveOptions } from '../../../fakes/test-drive.ts'

const block = 4096
const second = 1_000

let test: TestDrive
let mirrorFolder: string

const told: Capacity = { totalBytes: 100 * block, usedBytes: 10 * block }

/** A drive of 100 blocks, of which other clients use ten; `told`: what the server told of it when it was connected to. */
async function open({
  told,
  ...options
}: TestDriveOptions & { readonly told: Capacity | undefined }): Promise<void> {
  test = await TestDrive.open(options, (remote) => {
    remote.totalBytes = 100 * block
    remote.putAsOther('others', new Uint8Array(10 * block))
    remote.facts = { ...remote.facts, capacity: told }
  })
}

beforeEach(async () => {
  mirrorFolder = await mkdtemp(join(tmpdir(), 'room-mirror-'))
})

afterEach(async () => {
  await test.stop()
  await rm(mirrorFolder, { recursive: true })
})

/** Blocks that programs are told are free. */
async function free(): Promise<number> {
  return (await test.fs.statfs(test.context())).freeBlocks
}

const asked = () => test.remote.count('capacity')

describe('room on the drive, as programs are told it', () => {
  it('is what the server told at the start: that costs no request, until it is 30 s old', async () => {
    await open({ told })
    expect(await free()).toBe(90)
    await test.clock.advance(29 * second)
    expect(await free()).toBe(90)
    expect(asked()).toBe(0)
  })

  it('is asked for where the server told nothing at the start', async () => {
    await open({ told: undefined })
    expect(await free()).toBe(90)
    expect(await free()).toBe(90)
    expect(asked()).toBe(1)
  })

  it('is answered as it was known for two minutes, and asked for behind the answer, once [A31]', async () => {
    await open({ told })
    test.remote.putAsOther('more', new Uint8Array(20 * block))
    await test.clock.advance(31 * second)
    const gate = test.remote.script.hold('capacity')
    expect([await free(), await free()]).toEqual([90, 90])
    gate.release()
    await settle()
    expect([await free(), await free()]).toEqual([70, 70])
    expect(asked()).toBe(1)
  })

  it('is asked for before the answer when it is older than that: a person who asks once sees what there is [A31]', async () => {
    await open({ told })
    test.remote.putAsOther('more', new Uint8Array(20 * block))
    await test.clock.advance(120 * second)
    expect(await free()).toBe(70)
    expect(asked()).toBe(1)
  })

  it('counts what is written here, unsent, being sent and sent [A30]', async () => {
    await open({ told })
    await test.save('own', 'x'.repeat(30 * block))
    expect(await free()).toBe(60)
    const gate = test.remote.hold('upload')
    await test.clock.advance(second)
    await gate.entered
    expect(await free()).toBe(60)
    gate.release()
    await test.settleAll()
    expect(await free()).toBe(60)
    expect(asked()).toBe(0)
    await test.clock.advance(120 * second)
    expect(await free()).toBe(60)
    expect(asked()).toBe(1)
  })

  it('is asked for while uploads wait for some: what was refused is sent as soon as anybody looks', async () => {
    await open({ told })
    test.remote.putAsOther('more', new Uint8Array(90 * block))
    await test.save('own', 'precious')
    await test.clock.advance(second)
    await eventually(() => asked() === 1)
    await settle()
    expect(await test.getxattr('own', 'user.cloudreve.sync')).toContain('full')
    test.remote.totalBytes = 200 * block
    await free()
    expect(asked()).toBe(2)
    await test.settleAll()
    expect(test.remote.textAt('own')).toBe('precious')
  })

  it('is asked for after something was deleted for good, which has made some', async () => {
    await open({ told, settings: { deletePermanently: true } })
    expect(await free()).toBe(90)
    await test.unlink('others')
    await test.clock.advance(2 * second)
    await test.settleAll()
    expect(test.remote.count('purge')).toBe(1)
    expect(await free()).toBe(100)
    expect(asked()).toBe(1)
  })
})

describe('room on the drive while the server cannot be asked', () => {
  it('is what it was, at once, while that is known [A32]', async () => {
    await open({ told })
    await test.clock.advance(300 * second)
    test.remote.offline = true
    expect(await errnoOf(test.getxattr('others', 'user.cloudreve.versions'))).toBe('EHOSTUNREACH')
    expect(await free()).toBe(90)
  })

  it('is what it was, soon, where it does not answer [A31]', async () => {
    await open({ told })
    await test.clock.advance(300 * second)
    const gate = test.remote.script.hold('capacity')
    const startedAt = test.clock.monotonic()
    expect(await test.during(free())).toBe(90)
    expect(test.clock.monotonic() - startedAt).toBeLessThan(3 * second)
    gate.release()
  })

  it('is what an earlier process was told, which counts for nothing once the server can be asked [A32]', async () => {
    await open({ told, mirrorFolder })
    await test.names()
    test.remote.putAsOther('more', new Uint8Array(20 * block))
    test.remote.offline = true
    await test.remount()
    expect(await free()).toBe(90)
    test.remote.offline = false
    await free() // finds out that it is back
    await settle()
    expect(await free()).toBe(70)
  })
})
