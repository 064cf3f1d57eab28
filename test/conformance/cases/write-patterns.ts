import { constants } from 'node:fs'
import { expect } from 'vitest'
import type { Engine } from '../engine.ts'
import { expectContent, it, itNeeds, patterned, refused, suite, text, withHandle } from '../suite.ts'

const { O_APPEND, O_RDWR, O_TRUNC, O_WRONLY } = constants

/** A file whose content is at the server already, so that a change of it is a partial one. */
async function uploaded(fs: Engine, path: string, content: Buffer | string): Promise<void> {
  await fs.writeFile(path, content)
  await fs.settle()
}

function patch(content: Buffer, offset: number, piece: Buffer | string): Buffer {
  const bytes = Buffer.from(piece as string)
  const result = Buffer.alloc(Math.max(content.length, offset + bytes.length))
  content.copy(result)
  bytes.copy(result, offset)
  return result
}

const big = patterned(900_000, 3)

export const writePatterns = suite('ways of writing', [
  it('an overwrite in the middle of an uploaded file leaves the rest', async (fs) => {
    await uploaded(fs, 'f', big)
    const piece = patterned(5000, 9)
    await withHandle(fs.open('f', 'r+'), (handle) => handle.write(piece, 400_123))
    await expectContent(fs, 'f', patch(big, 400_123, piece))
  }),

  it('an overwrite that crosses the end makes the file longer', async (fs) => {
    await uploaded(fs, 'f', big)
    const piece = patterned(9000, 4)
    await withHandle(fs.open('f', 'r+'), (handle) => handle.write(piece, big.length - 100))
    await expectContent(fs, 'f', patch(big, big.length - 100, piece))
  }),

  it('appends go to the end, whatever offset is given', async (fs) => {
    await uploaded(fs, 'log', 'one\n')
    await withHandle(fs.open('log', 'a'), async (handle) => {
      await handle.write('two\n', 0)
      await handle.write('three\n', 1)
    })
    await expectContent(fs, 'log', 'one\ntwo\nthree\n')
  }),

  it('an append to a large uploaded file keeps what was there', async (fs) => {
    await uploaded(fs, 'f', big)
    await withHandle(fs.open('f', 'a'), (handle) => handle.write('tail', 0))
    await expectContent(fs, 'f', Buffer.concat([big, Buffer.from('tail')]))
  }),

  it('two appending handles never overwrite each other', async (fs) => {
    const [a, b] = [await fs.open('log', 'a'), await fs.open('log', 'a')]
    for (let i = 0; i < 10; i += 1) {
      await a.write(`a${i} `, 0)
      await b.write(`b${i} `, 0)
    }
    await a.close()
    await b.close()
    const expected = Array.from({ length: 10 }, (_, i) => `a${i} b${i} `).join('')
    await expectContent(fs, 'log', expected)
  }),

  it('a write past the end leaves a hole of zeros', async (fs) => {
    await withHandle(fs.open('f', 'w'), async (handle) => {
      await handle.write('start', 0)
      await handle.write('end', 200_000)
    })
    expect((await fs.stat('f')).sizeBytes).toBe(200_003)
    await expectContent(fs, 'f', patch(Buffer.from('start'), 200_000, 'end'))
  }),

  it('a hole behind an uploaded content reads as zeros', async (fs) => {
    await uploaded(fs, 'f', 'uploaded')
    await withHandle(fs.open('f', 'r+'), (handle) => handle.write('!', 70_000))
    await expectContent(fs, 'f', patch(Buffer.from('uploaded'), 70_000, '!'))
  }),

  it('a file written from its end to its start is whole', async (fs) => {
    const content = patterned(130_000, 5)
    await withHandle(fs.open('f', 'w'), async (handle) => {
      for (let end = content.length; end > 0; end -= 10_000) {
        const start = Math.max(0, end - 10_000)
        await handle.write(content.subarray(start, end), start)
      }
    })
    await expectContent(fs, 'f', content)
  }),

  it('overlapping writes: the last one counts', async (fs) => {
    let expected: Buffer = Buffer.alloc(0)
    await withHandle(fs.open('f', 'w+'), async (handle) => {
      for (const [offset, size, seed] of [
        [0, 5000, 1],
        [2500, 5000, 2],
        [100, 10, 3],
        [4999, 2, 4],
        [0, 1, 5],
        [7000, 1000, 6],
      ] as const) {
        const piece = patterned(size, seed)
        await handle.write(piece, offset)
        expected = patch(expected, offset, piece)
        expect((await handle.read(0, 20_000)).equals(expected)).toBe(true)
      }
    })
    await expectContent(fs, 'f', expected)
  }),

  it('single bytes all over an uploaded file', async (fs) => {
    await uploaded(fs, 'f', big)
    let expected: Buffer = big
    await withHandle(fs.open('f', 'r+'), async (handle) => {
      for (let i = 0; i < 40; i += 1) {
        const offset = (i * 104_729) % big.length
        await handle.write(Buffer.from([i]), offset)
        expected = patch(expected, offset, Buffer.from([i]))
      }
    })
    await expectContent(fs, 'f', expected)
  }),

  it('truncate makes shorter and longer, zeros where bytes had been', async (fs) => {
    await uploaded(fs, 'f', '0123456789')
    await fs.truncate('f', 4)
    expect(await text(fs, 'f')).toBe('0123')
    await fs.truncate('f', 8)
    await expectContent(fs, 'f', '0123\0\0\0\0')
  }),

  it('bytes cut off by truncate do not come back when the file grows again', async (fs) => {
    await uploaded(fs, 'f', big)
    await withHandle(fs.open('f', 'r+'), async (handle) => {
      await handle.truncate(100_000)
      await handle.write('x', 500_000)
      await handle.truncate(600_000)
    })
    const expected = Buffer.alloc(600_000)
    big.copy(expected, 0, 0, 100_000)
    expected.write('x', 500_000)
    await expectContent(fs, 'f', expected)
  }),

  it('truncate to the same size changes no byte', async (fs) => {
    await uploaded(fs, 'f', 'same')
    await fs.truncate('f', 4)
    await expectContent(fs, 'f', 'same')
  }),

  it('truncate to nothing of a file without an open handle', async (fs) => {
    await uploaded(fs, 'f', big)
    await fs.truncate('f', 0)
    expect((await fs.stat('f')).sizeBytes).toBe(0)
    await expectContent(fs, 'f', '')
  }),

  it('ftruncate through one handle is seen by the other', async (fs) => {
    await uploaded(fs, 'f', 'long content')
    const [a, b] = [await fs.open('f', 'r+'), await fs.open('f', 'r')]
    await a.truncate(4)
    expect((await b.stat()).sizeBytes).toBe(4)
    expect((await b.read(0, 100)).toString()).toBe('long')
    await a.close()
    await b.close()
    await expectContent(fs, 'f', 'long')
  }),

  it('O_TRUNC while another handle has unsaved bytes drops them', async (fs) => {
    const first = await fs.open('f', 'w')
    await first.write('to be dropped', 0)
    const second = await fs.open('f', O_WRONLY | O_TRUNC)
    await second.write('new', 0)
    await second.close()
    await first.close()
    await expectContent(fs, 'f', 'new')
  }),

  it('a handle goes on writing at its offset after a truncate by another', async (fs) => {
    const handle = await fs.open('f', 'w')
    await handle.write('0123456789', 0)
    await fs.truncate('f', 0)
    await handle.write('AB', 10)
    await handle.close()
    await expectContent(fs, 'f', `${'\0'.repeat(10)}AB`)
  }),

  it('fsync and fdatasync succeed on files with and without changes', async (fs) => {
    await withHandle(fs.open('f', 'w'), async (handle) => {
      await handle.fsync()
      await handle.write('synced', 0)
      await handle.fsync()
      await handle.fsync({ dataOnly: true })
    })
    await withHandle(fs.open('f', 'r'), (handle) => handle.fsync())
    await expectContent(fs, 'f', 'synced')
  }),

  it('save after save: the last content wins, whether uploads ran between or not', async (fs) => {
    for (let i = 0; i < 6; i += 1) {
      await fs.writeFile('f', `version ${i}`)
      if (i % 2 === 0) await fs.settle()
    }
    await expectContent(fs, 'f', 'version 5')
  }),

  it('a write during the upload of the state before is not lost', async (fs) => {
    await fs.writeFile('f', big)
    const settling = fs.settle()
    const piece = patterned(100, 8)
    await withHandle(fs.open('f', 'r+'), (handle) => handle.write(piece, 1000))
    await settling
    await expectContent(fs, 'f', patch(big, 1000, piece))
  }),

  it('a write of nothing changes nothing', async (fs) => {
    await uploaded(fs, 'f', 'abc')
    await withHandle(fs.open('f', 'r+'), (handle) => handle.write('', 50))
    await expectContent(fs, 'f', 'abc')
  }),

  it('a handle for reading refuses writes, one for writing refuses reads', async (fs) => {
    await fs.writeFile('f', 'abc')
    await withHandle(fs.open('f', 'r'), (handle) => refused('EBADF', handle.write('x', 0)))
    await withHandle(fs.open('f', O_WRONLY), (handle) => refused('EBADF', handle.read(0, 1)))
    await withHandle(fs.open('f', 'r'), (handle) => refused('EINVAL', handle.truncate(0)))
    await expectContent(fs, 'f', 'abc')
  }),

  it('a handle for reading and appending reads anywhere and writes at the end', async (fs) => {
    await uploaded(fs, 'f', 'abcdef')
    await withHandle(fs.open('f', O_RDWR | O_APPEND), async (handle) => {
      await handle.write('gh', 0)
      expect((await handle.read(2, 10)).toString()).toBe('cdefgh')
    })
    await expectContent(fs, 'f', 'abcdefgh')
  }),

  itNeeds(['remount'], 'changes of a file that was uploaded before a remount', async (fs) => {
    await uploaded(fs, 'f', big)
    await fs.remount!()
    const piece = patterned(3000, 11)
    await withHandle(fs.open('f', 'r+'), (handle) => handle.write(piece, 700_000))
    await fs.settle()
    await fs.remount!()
    await expectContent(fs, 'f', patch(big, 700_000, piece))
  }),
])
