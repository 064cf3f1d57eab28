import { afterEach, describe, expect, it } from 'vitest'
import { nodeFileLayer } from '../../../../src/base/file-layer.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { MortalDisk } from '../../../fakes/mortal-disk.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

/** 2001-02-03 04:05:06.123456789 UTC */
const once = { seconds: 981_173_106, nanoseconds: 123_456_789 }
const later = { seconds: 1_700_000_000, nanoseconds: 1 }

afterEach(() => drive.stop())

async function expectTime(path: string, time: { seconds: number; nanoseconds: number }): Promise<void> {
  expect((await drive.stat(path)).mtime).toEqual(time)
  await drive.drain()
  expect((await drive.stat(path)).mtime).toEqual(time)
  await drive.remount()
  expect((await drive.stat(path)).mtime).toEqual(time)
}

describe('a time that somebody chose for a new file', () => {
  it('stays when the file takes the place of one that had a chosen time', async () => {
    drive = await TestDrive.open()
    await drive.save('letter', 'old')
    await drive.setattr('letter', { mtime: once })
    await drive.drain()
    await drive.save('.letter.tmp', 'new')
    await drive.setattr('.letter.tmp', { mtime: later })
    await drive.rename('.letter.tmp', 'letter')
    await expectTime('letter', later)
  })

  it('is not taken for that of the content which takes its place', async () => {
    drive = await TestDrive.open({}, (remote) => void remote.putAsOther('source', '123'))
    await drive.save('target', 'abc')
    await drive.setattr('target', { mtime: once })
    await drive.drain()
    const { mtime } = await drive.stat('source')
    await drive.rename('source', 'target')
    await expectTime('target', mtime)
  })

  it('is not lost with any record after the server has the file', async () => {
    for (let records = 1; ; records += 1) {
      const disk = new MortalDisk()
      drive = await TestDrive.open({ fileLayer: disk.layer })
      await drive.save('new', 'hello')
      const gate = drive.remote.hold('upload', 'after')
      let isDone = false
      void drive.drive.drain().then(() => (isDone = true))
      await gate.entered
      await drive.setattr('new', { mtime: once })
      disk.dieAfter(records, /\/journal-\d+\.log/)
      gate.release()
      await eventually(() => isDone || disk.isDead)
      for (let i = 0; i < 10; i += 1) await settle() // the last record may follow
      if (!disk.isDead) return disk.dieAfter(Infinity, /never/)
      drive.fileLayer = nodeFileLayer
      await drive.crash()
      await expectTime('new', once)
      await drive.stop()
    }
  })
})
