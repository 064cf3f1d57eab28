import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settle } from '../../../fakes/manual-clock.ts'
import { TellingClient } from '../../../fakes/telling-client.ts'
import { errnoOf, TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

const MIB = 1024 ** 2
/** Long enough that no read brings all of it, and different everywhere. */
const content = Buffer.from(Array.from({ length: (8 * MIB) / 16 }, (_, i) => `${i}`.padStart(16)).join(''))

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({ remote: { versionsKept: 1 } }, (remote) => remote.putAsOther('f', content))
  test.drive.followChanges()
  await settle()
  test.remote.feed.tell({ kind: 'live' })
  await test.clock.advance(30_001)
})

afterEach(() => test.stop())

/** Somebody else saves the file several times, as long as it was, among other things; the server tells of it. */
async function burst(): Promise<void> {
  const client = new TellingClient({ remote: test.remote, clock: test.clock })
  for (let i = 0; i < 20; i += 1) {
    client.put(`other ${i}`, 'x')
    client.put('f', `${i}`.repeat(content.length).slice(0, content.length))
  }
  await test.clock.advance(7_000)
}

/** What each piece of the file is for who has it open: its bytes, or the name of an error. */
async function pieces({ fh }: OpenedFile): Promise<(Buffer | string)[]> {
  const found: (Buffer | string)[] = []
  for (let at = 0; at < content.length; at += MIB / 4) {
    let bytes: Uint8Array = Buffer.alloc(0)
    const errno = await errnoOf(
      (async () => {
        bytes = await test.fs.read(fh, at, MIB / 4, test.context())
      })(),
    )
    found.push(errno ?? Buffer.from(bytes))
  }
  return found
}

const isOld = (piece: Buffer | string, i: number) =>
  typeof piece !== 'string' && piece.equals(content.subarray((i * MIB) / 4, ((i + 1) * MIB) / 4))

describe('who has a file open that others overwrite, where the drive keeps no versions', () => {
  it('goes on reading what he opened, where all of it is here [E3]', async () => {
    const file = await test.open('f')
    expect((await pieces(file)).every(isOld)).toBe(true)
    await burst()
    expect((await test.text('f')).slice(0, 4)).toBe('1919')
    expect((await pieces(file)).every(isOld)).toBe(true)
    await test.close(file)
  })

  it('reads of it what is here, and is told that the rest is gone: never a mixture [E3]', async () => {
    const file = await test.open('f')
    await test.fs.read(file.fh, 0, MIB / 4, test.context())
    await burst()
    expect((await test.text('f')).slice(0, 4)).toBe('1919')
    const found = await pieces(file)
    expect(isOld(found[0]!, 0)).toBe(true)
    expect(found.filter((piece, i) => !isOld(piece, i) && piece !== 'ESTALE')).toEqual([])
    expect(found.at(-1)).toBe('ESTALE')
    await test.close(file)
  })
})
