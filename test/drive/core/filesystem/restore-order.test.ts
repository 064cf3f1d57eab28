import { expect, it } from 'vitest'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import { nodeFileLayer, type FileLayer } from '../../../../src/base/file-layer.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

/** Keeps what changes a side-car waiting. */
class HeldDisk {
  readonly entered: Promise<void>
  readonly layer: FileLayer
  release: () => void = () => undefined
  #enter: () => void = () => undefined

  constructor() {
    this.entered = new Promise((resolve) => (this.#enter = resolve))
    const released = new Promise<void>((resolve) => (this.release = resolve))
    const wait = async (path: string) => {
      if (!path.endsWith('.side')) return
      this.#enter()
      await released
    }
    this.layer = {
      ...nodeFileLayer,
      open: async (path, how) => {
        await wait(path)
        return nodeFileLayer.open(path, how)
      },
      replace: async (path, ...words) => {
        await wait(path)
        return nodeFileLayer.replace(path, ...words)
      },
    }
  }
}

it('sends nothing of what an earlier process left before all of it is taken up', async () => {
  const drive = await TestDrive.open({ inlineLimits: nothingInline }, (remote) => {
    remote.putAsOther('letter', 'a letter')
    remote.putAsOther('target', 'an old one')
    remote.putAsOther('gone', 'deleted')
    remote.putAsOther('docs/report', 'a report')
  })
  try {
    await drive.save('docs/new', 'new')
    await drive.save('draft', 'a draft')
    await drive.mkdir('folder')
    await drive.unlink('gone')
    // Its bytes are not on this machine: they are fetched from the file that is to go.
    await drive.rename('letter', 'target')
    drive.remote.script.forgetCalls()
    const disk = new HeldDisk()
    drive.fileLayer = disk.layer
    drive.bootId = 'second boot'
    const started = drive.crash()
    await disk.entered
    for (let second = 0; second < 5; second += 1) {
      await drive.clock.advance(1_000)
      await settle()
    }
    const changing = ['upload', 'rename', 'remove', 'createFolder'] as const
    expect(changing.map((method) => drive.remote.count(method))).toEqual([0, 0, 0, 0])
    disk.release()
    await started
    expect(await drive.text('target')).toBe('a letter')
    await drive.drain()
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/new', 'docs/report', 'draft', 'folder/', 'target'])
    expect(drive.remote.textAt('target')).toBe('a letter')
  } finally {
    await drive.stop()
  }
})
