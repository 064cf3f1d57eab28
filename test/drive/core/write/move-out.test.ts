import { afterEach, expect, it } from 'vitest'
import { nodeFileLayer, type FileLayer } from '../../../../src/base/file-layer.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { aMoment } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive
let isMoving = false

/** What moves out of the log of small files never gets its name. */
const layer: FileLayer = {
  ...nodeFileLayer,
  rename: (from, to) => {
    if (!from.endsWith('.data.tmp')) return nodeFileLayer.rename(from, to)
    isMoving = true
    return new Promise(() => undefined)
  },
}

afterEach(() => drive.stop())

it('a process that dies while a small file becomes a large one leaves it as programs were told', async () => {
  drive = await TestDrive.open({ fileLayer: layer, inlineLimits: { fileBytes: 900, totalBytes: 10_000 } })
  const file = await drive.create('letter')
  await drive.write(file, 'hello')
  void drive.write(file, 'far behind', 1_000)
  await eventually(() => isMoving)
  for (let moments = 0; moments < 20; moments += 1) await aMoment()
  drive.fileLayer = nodeFileLayer
  await drive.crash()
  expect(drive.drive.writeBack.lostAndFound).toEqual([])
  expect(await drive.text('letter')).toBe('hello')
  await drive.drain()
  expect(drive.remote.textAt('letter')).toBe('hello')
})
