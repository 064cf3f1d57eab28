import { constants } from 'node:fs'
import { expect } from 'vitest'
import { expectContent, it, itNeeds, patterned, refused, suite, text, withHandle } from '../suite.ts'

/** 2001-02-03 04:05:06.123456789 UTC */
const once = 981_173_106_123_456_789n
const later = 1_700_000_000_000_000_001n

/** Small or large, what carries more than bytes goes by an upload session. */
const sessionSave = { 'PUT /file/upload': 1, 'POST /file/upload': 1, 'GET /file/info': 1 }

export const attributes = suite('attributes', [
  it('files and folders belong to who made them [A1]', async (fs) => {
    await fs.writeFile('f', '')
    await fs.mkdir('d')
    for (const path of ['f', 'd']) {
      expect(await fs.stat(path)).toMatchObject({ uid: process.getuid!(), gid: process.getgid!() })
    }
  }),

  it('fstat, stat and lstat agree', async (fs) => {
    await fs.writeFile('f', 'some bytes')
    await withHandle(fs.open('f', 'r'), async (handle) => {
      const { atimeNs: _, ...expected } = await fs.stat('f')
      expect(await handle.stat()).toMatchObject(expected)
      expect(await fs.lstat('f')).toMatchObject(expected)
    })
  }),

  itNeeds(['modes'], 'chmod of files and folders is kept over uploads and renames', async (fs) => {
    await fs.writeFile('f', '1')
    await fs.mkdir('d')
    await fs.chmod('f', 0o755)
    await fs.chmod('d', 0o700)
    expect((await fs.stat('f')).mode).toBe(0o755)
    await fs.settle()
    await fs.writeFile('f', '2')
    await fs.rename('f', 'g')
    await fs.settle()
    expect((await fs.stat('g')).mode).toBe(0o755)
    expect((await fs.stat('d')).mode).toBe(0o700)
    await fs.chmod('g', 0o400)
    await fs.settle()
    expect((await fs.stat('g')).mode).toBe(0o400)
  }),

  itNeeds(['modes', 'remount'], 'chmod before and after the upload survives a remount [A3]', async (fs) => {
    await fs.writeFile('before', '')
    await fs.chmod('before', 0o751)
    await fs.writeFile('after', 'x')
    await fs.settle()
    await fs.chmod('after', 0o640)
    await fs.mkdir('d')
    await fs.chmod('d', 0o711)
    await fs.settle()
    await fs.remount!()
    expect((await fs.stat('before')).mode).toBe(0o751)
    expect((await fs.stat('after')).mode).toBe(0o640)
    expect((await fs.stat('d')).mode).toBe(0o711)
    expect(await text(fs, 'after')).toBe('x')
  }),

  itNeeds(['modes'], 'the mode given to open and mkdir counts', async (fs) => {
    await (await fs.open('f', constants.O_WRONLY | constants.O_CREAT, 0o700)).close()
    await fs.mkdir('d', 0o700)
    expect((await fs.stat('f')).mode).toBe(0o700)
    expect((await fs.stat('d')).mode).toBe(0o700)
  }),

  itNeeds(['modes'], 'files and folders that nobody may use can be made', async (fs) => {
    await (await fs.open('f', constants.O_WRONLY | constants.O_CREAT, 0)).close()
    await fs.mkdir('d', 0)
    expect((await fs.stat('f')).mode).toBe(0)
    expect((await fs.stat('d')).mode).toBe(0)
    await fs.settle()
    expect((await fs.stat('f')).mode).toBe(0)
  }),

  it('chown to the owner itself is fine, to others it is refused or done, never ignored [A2]', async (fs) => {
    await fs.writeFile('f', '')
    const { uid, gid } = await fs.stat('f')
    await fs.chown('f', uid, gid)
    if (fs.semantics.chownToOthers) {
      await fs.chown('f', uid + 1, gid)
      expect((await fs.stat('f')).uid).toBe(uid + 1)
      return
    }
    await refused('EPERM', fs.chown('f', uid + 1, gid))
    expect(await fs.stat('f')).toMatchObject({ uid, gid })
  }),

  it('a write moves the mtime on, a read does not', async (fs) => {
    await fs.writeFile('f', '1')
    const made = (await fs.stat('f')).mtimeNs
    expect(Math.abs(Number(made / 1_000_000n) - Date.now())).toBeLessThan(60_000)
    await fs.readFile('f')
    await fs.settle()
    expect((await fs.stat('f')).mtimeNs).toBe(made)
    await fs.writeFile('f', '22')
    expect((await fs.stat('f')).mtimeNs).toBeGreaterThanOrEqual(made)
  }),

  it('an mtime that nobody set is the same before and after the upload and a rename', async (fs) => {
    await fs.writeFile('f', 'x')
    const { mtimeNs } = await fs.stat('f')
    await fs.settle()
    expect((await fs.stat('f')).mtimeNs).toBe(mtimeNs)
    await fs.rename('f', 'g')
    await fs.settle()
    expect((await fs.stat('g')).mtimeNs).toBe(mtimeNs)
  }),

  itNeeds(['times'], 'times are set to the nanosecond', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.mkdir('d')
    for (const path of ['f', 'd']) {
      await fs.utimes(path, later, once)
      expect(await fs.stat(path)).toMatchObject({ mtimeNs: once })
    }
    await expectContent(fs, 'f', 'x')
    expect((await fs.stat('f')).mtimeNs).toBe(once)
  }),

  itNeeds(['times'], 'an mtime set before the upload outlives it', async (fs) => {
    const content = patterned(200_000)
    await fs.writeFile('f', content)
    await fs.utimes('f', once, once)
    await expectContent(fs, 'f', content)
    expect((await fs.stat('f')).mtimeNs).toBe(once)
  }),

  itNeeds(['times'], 'an mtime set while the file is open outlives its close and upload', async (fs) => {
    const handle = await fs.open('f', 'w')
    await handle.write('x', 0)
    await fs.utimes('f', once, once)
    await handle.close()
    expect((await fs.stat('f')).mtimeNs).toBe(once)
    await fs.settle()
    expect((await fs.stat('f')).mtimeNs).toBe(once)
  }),

  itNeeds(['times'], 'a set mtime stays over renames and moves', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('f', 'x')
    await fs.settle()
    await fs.utimes('f', once, once)
    await fs.settle()
    await fs.rename('f', 'd/g')
    await fs.settle()
    expect((await fs.stat('d/g')).mtimeNs).toBe(once)
  }),

  itNeeds(['times', 'remount'], 'a set mtime of files and folders stays over a remount', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/before', 'x')
    await fs.utimes('d/before', once, once)
    await fs.writeFile('d/after', 'y')
    await fs.settle()
    await fs.utimes('d/after', later, later)
    await fs.utimes('d', once, once)
    await fs.settle()
    await fs.remount!()
    expect((await fs.stat('d/before')).mtimeNs).toBe(once)
    expect((await fs.stat('d/after')).mtimeNs).toBe(later)
    expect((await fs.stat('d')).mtimeNs).toBe(once)
  }),

  itNeeds(['times'], 'a write after utimens makes the mtime new again [A4]', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.utimes('f', once, once)
    await withHandle(fs.open('f', 'a'), (handle) => handle.write('y', 0))
    expect((await fs.stat('f')).mtimeNs).toBeGreaterThan(later)
    await fs.settle()
    expect((await fs.stat('f')).mtimeNs).toBeGreaterThan(later)
  }),

  itNeeds(['times'], 'UTIME_OMIT leaves a time, UTIME_NOW sets the present', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.utimes('f', once, once)
    await fs.utimes('f', later, 'omit')
    expect((await fs.stat('f')).mtimeNs).toBe(once)
    await fs.utimes('f', 'omit', 'now')
    const { mtimeNs } = await fs.stat('f')
    expect(Math.abs(Number(mtimeNs / 1_000_000n) - Date.now())).toBeLessThan(60_000)
  }),

  itNeeds(['times'], 'times before 1970 and after 2038 can be set', async (fs) => {
    await fs.writeFile('f', '')
    for (const time of [-1n, -86_400_000_000_001n, 4_102_444_800_000_000_007n]) {
      await fs.utimes('f', time, time)
      expect((await fs.stat('f')).mtimeNs).toBe(time)
    }
  }),

  itNeeds(['times'], 'a temporary file with a set mtime brings it along in a rename over', async (fs) => {
    await fs.writeFile('target', 'old')
    await fs.settle()
    await fs.writeFile('temp', 'new')
    await fs.utimes('temp', once, once)
    await fs.rename('temp', 'target')
    await expectContent(fs, 'target', 'new')
    expect((await fs.stat('target')).mtimeNs).toBe(once)
  }),

  itNeeds(['modes'], 'a temporary file with a mode brings it along in a rename over', async (fs) => {
    await fs.writeFile('target', 'old')
    await fs.chmod('target', 0o600)
    await fs.settle()
    await fs.writeFile('temp', 'new')
    await fs.chmod('temp', 0o755)
    await fs.rename('temp', 'target')
    await expectContent(fs, 'target', 'new')
    expect((await fs.stat('target')).mode).toBe(0o755)
  }),

  itNeeds(
    ['times', 'requests'],
    'a save with an mtime that was set costs three requests: session, chunk, confirmation',
    async (fs) => {
      await fs.writeFile('f', 'before')
      await fs.settle()
      await fs.readdir('')
      const mark = fs.server!.mark()
      await fs.writeFile('f', 'x')
      await fs.utimes('f', once, once)
      await fs.settle()
      expect(mark.counts()).toEqual(sessionSave)
      expect((await fs.stat('f')).mtimeNs).toBe(once)
    },
  ),

  itNeeds(
    ['times', 'modes', 'xattrs', 'requests'],
    'mtime, mode and attributes of a new file cost the same three requests together, and the question whether its folder is still there',
    async (fs) => {
      await fs.readdir('')
      const mark = fs.server!.mark()
      await fs.writeFile('f', 'x')
      await fs.utimes('f', once, once)
      await fs.chmod('f', 0o750)
      await fs.setxattr('f', 'user.note', Buffer.from('kept'))
      await fs.settle()
      expect(mark.counts()).toEqual({ ...sessionSave, 'GET /file/info': 2 })
      expect(await fs.stat('f')).toMatchObject({ mtimeNs: once, mode: 0o750 })
      expect((await fs.getxattr('f', 'user.note')).toString()).toBe('kept')
    },
  ),
])
