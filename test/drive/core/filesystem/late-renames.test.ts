import { afterEach, beforeEach, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => void remote.putAsOther('docs/letter', 'old letter'))
})

afterEach(() => drive.stop())

/** Contents are asked for by the path of their file, as a server wants it. */
function readByPath(): void {
  const { remote } = drive
  const readRange = remote.readRange.bind(remote)
  remote.readRange = (content, range, options) => {
    const path = (content.path() ?? []).join('/')
    if (remote.textAt(path) === undefined) return Promise.reject(new RemoteError('not-found', `no ${path}`))
    return readRange(content, range, options)
  }
}

/** The server does it when the process that asked for it is dead, and the next one has looked where everything is. */
async function renamedLate(before: () => Promise<void> = () => Promise.resolve()): Promise<void> {
  readByPath()
  await before()
  await drive.rename('docs/letter', 'docs/moved')
  const gate = drive.remote.hold('rename')
  await drive.clock.advance(1_000)
  await gate.entered
  await drive.crash()
  gate.release()
  await drive.clock.advance(0)
  expect(drive.remote.paths()).toEqual(['docs/', 'docs/moved'])
}

it('a file whose rename a dead process has asked for is read by whatever name the server has for it', async () => {
  await renamedLate()
  expect(await drive.text('docs/moved')).toBe('old letter')
})

it('a copy of a file whose rename a dead process has asked for is read from where the server has that', async () => {
  await renamedLate(async () => {
    const [source, target] = [await drive.open('docs/letter'), await drive.create('docs/copy')]
    const place = { offset: 0 }
    await drive.fs.copyRange({ fh: source.fh, ...place }, { fh: target.fh, ...place }, 1024, drive.context())
    // While it is open the copy waits.
    await drive.close(source)
  })
  expect(await drive.text('docs/copy')).toBe('old letter')
})

it('a file that is gone is none to be read', async () => {
  await renamedLate()
  const file = await drive.open('docs/moved')
  drive.remote.removeAsOther('docs/moved')
  expect(await errnoOf(drive.read(file))).toBe('ENOENT')
})

it('a file whose rename a dead process has asked for keeps its name', async () => {
  await renamedLate()
  await drive.drain()
  expect(await drive.text('docs/moved')).toBe('old letter')
  expect(drive.remote.paths()).toEqual(['docs/', 'docs/moved'])
})
