import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileId } from '../../../../src/remote/types.ts'
import type { RemoteMethod } from '../../../fakes/memory-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let mirrorFolder: string
let drive: TestDrive

const folders = ['', 'a', 'a/deep', 'b', 'c']

async function open(settings = {}, mirrorObjects?: number): Promise<TestDrive> {
  const options = { mirrorFolder, settings, ...(mirrorObjects && { mirrorObjects }) }
  return TestDrive.open(options, (remote) => {
    for (const path of ['a/one', 'a/deep/two', 'b/three', 'c/four', 'five']) remote.putAsOther(path, path)
  })
}

beforeEach(async () => {
  mirrorFolder = await mkdtemp(join(tmpdir(), 'drive-mirror-'))
  drive = await open()
})
afterEach(async () => {
  await drive.stop()
  await rm(mirrorFolder, { recursive: true, force: true })
})

/** As `ls -lR`. */
async function walked(path = ''): Promise<string[]> {
  const found: string[] = []
  for (const name of await drive.names(path)) {
    const at = path === '' ? name : `${path}/${name}`
    const { kind, sizeBytes } = await drive.stat(at)
    found.push(kind === 'folder' ? `${at}/` : `${at} ${sizeBytes}`)
    if (kind === 'folder') found.push(...(await walked(at)))
  }
  return found
}

/** What a killed process had put is in the files. */
const written = () => drive.mirror!.settled()

/** No question to the server is answered. */
function holdAll(): () => void {
  const asking: RemoteMethod[] = [
    'list',
    'listSubtree',
    'info',
    'infoById',
    'changesSince',
    'details',
    'capacity',
  ]
  const gates = asking.map((method) => drive.remote.hold(method))
  return () => {
    for (const gate of gates) gate.release()
  }
}

const listed = () =>
  drive.remote.calls.filter(({ method }) => method.startsWith('list')).map(({ subject }) => subject)

describe.each(['an end in order', 'a kill'])('after %s', (how) => {
  const again = async () => {
    await written()
    if (how === 'a kill') await drive.crash()
    else await drive.remount()
  }

  it('`ls -lR` is answered without asking the server, however long ago it was listed [E17]', async () => {
    const before = await walked()
    await again()
    await drive.clock.advance(7 * 24 * 3_600_000)
    await again()
    expect(drive.startCalls).toEqual([])
    const release = holdAll()
    drive.drive.followChanges()
    expect(await walked()).toEqual(before)
    release()
    await settle()
  })

  it('each folder is listed anew behind its first look, and only then [E17]', async () => {
    await walked()
    await again()
    drive.remote.putAsOther('b/new', 'n')
    expect(await drive.names('b')).toEqual(['three'])
    await settle()
    expect(listed().sort()).toEqual(['', 'b'])
    expect(await drive.names('b')).toEqual(['new', 'three'])
    expect(listed().sort()).toEqual(['', 'b'])
    const { ino } = await drive.open('b/new')
    expect(ino).toBeGreaterThan(0)
  })

  it('who walks a known tree makes it be listed as a whole, not folder by folder', async () => {
    for (let i = 0; i < 40; i += 1) drive.remote.putAsOther(`many/d${i}/f`, 'x')
    await drive.outdate()
    await walked()
    await again()
    await walked()
    await settle()
    expect(drive.remote.count('list')).toBeLessThan(8)
    expect(drive.remote.count('listSubtree')).toBeGreaterThan(0)
  })

  it('one question names what was changed meanwhile: those folders are listed before they are shown [E18]', async () => {
    await walked()
    drive.drive.followChanges()
    await settle()
    await again()
    await drive.clock.advance(60_000)
    await again()
    drive.remote.putAsOther('b/new', 'n')
    drive.remote.moveAsOther('a/deep/two', 'c/moved')
    drive.drive.followChanges()
    await settle()
    expect(drive.remote.count('changesSince')).toBe(1)
    expect(await drive.names('b')).toEqual(['new', 'three'])
    expect(await drive.names('c')).toEqual(['four', 'moved'])
    expect(await drive.names('a/deep')).toEqual([])
    expect(drive.remote.count('changesSince')).toBe(1)
  })

  it('what was deleted meanwhile is seen at the second look at the latest [E19]', async () => {
    await walked()
    await again()
    drive.remote.removeAsOther('b/three')
    drive.drive.followChanges()
    await settle()
    expect(await drive.names('b')).toEqual(['three'])
    await settle()
    expect(await drive.names('b')).toEqual([])
  })

  it('what was done here is known as it was left, and costs no question', async () => {
    await walked()
    drive.drive.followChanges()
    await drive.save('b/mine', 'text')
    await drive.rename('a/one', 'b/uno')
    await drive.unlink('c/four')
    await drive.mkdir('d')
    await drive.settleAll()
    await again()
    const release = holdAll()
    drive.drive.followChanges()
    expect(await walked()).toEqual([
      'a/',
      'a/deep/',
      'a/deep/two 10',
      'b/',
      'b/mine 4',
      'b/three 7',
      'b/uno 5',
      'c/',
      'd/',
      'five 4',
    ])
    release()
    await settle()
    expect(drive.drive.leftChanges).toBe(0)
  })
})

describe('a killed process', () => {
  it('does not make the next one show what it had deleted, whenever it dies [E20]', async () => {
    await walked()
    await written()
    await drive.unlink('b/three')
    for (let i = 0; i < 100 && drive.drive.unsentNames > 0; i += 1) {
      await drive.clock.advance(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await drive.crash()
    expect(await drive.names('b')).toEqual([])
  })

  it('does not when what it knew did not reach the disk, nor does that keep anything waiting [E20]', async () => {
    await walked()
    await written()
    drive.mirrorDisk.kill()
    await drive.unlink('b/three')
    await drive.rename('a/one', 'c/uno')
    await drive.settleAll()
    expect(drive.remote.paths()).not.toContain('b/three')
    await drive.save('b/tmp', 'made and gone')
    await drive.unlink('b/tmp')
    await drive.crash()
    expect(drive.drive.leftChanges).toBe(0)
    expect(await drive.names('b')).toEqual([])
    expect(await drive.names('a')).toEqual(['deep'])
    expect(await drive.names('c')).toEqual(['four', 'uno'])
    // Only once: what is known then is.
    await written()
    await drive.crash()
    const release = holdAll()
    expect(await drive.names('b')).toEqual([])
    release()
    await settle()
  })

  it('does not show the old name of a file that was renamed over another one [E20]', async () => {
    await walked()
    await written()
    drive.mirrorDisk.kill()
    await drive.rename('c/four', 'b/three')
    await drive.crash()
    expect(await drive.names('c')).toEqual([])
    expect(await drive.text('b/three')).toBe('c/four')
  })

  it('leaves nothing that is believed when the machine went down with it: folders are listed before they are shown [E20]', async () => {
    await walked()
    await written()
    drive.bootId = 'second boot'
    await drive.crash()
    drive.remote.removeAsOther('b/three')
    expect(await drive.names('b')).toEqual([])
  })
})

describe('the mirror', () => {
  it('holds what is too much for the memory: that is known as if it were there', async () => {
    await drive.stop()
    drive = await open({ metadataEntries: 6 })
    await walked()
    await written()
    drive.remote.script.forgetCalls()
    expect(await walked()).toHaveLength(9)
    expect(drive.remote.count()).toBe(0)
    await drive.outdate()
    await drive.names('c')
    expect(listed()).toContain('c')
  })

  it('shows nothing that was told to be changed meanwhile, however wrong the paths are', async () => {
    await drive.stop()
    drive = await open({ metadataEntries: 6 })
    drive.drive.followChanges()
    await settle()
    drive.remote.feed.tell({ kind: 'live' })
    await settle()
    await drive.clock.advance(31_000)
    await walked()
    await written()
    const { id } = drive.remote.entryAt('a/deep/two')
    drive.remote.moveAsOther('a/deep/two', 'c/zwei')
    const changes = [{ kind: 'moved' as const, id, from: ['nowhere', 'x'], path: ['c', 'zwei'] }]
    drive.remote.feed.tell({ kind: 'changes', changes })
    await settle()
    expect(await drive.names('a/deep')).toEqual([])
    expect(await drive.names('c')).toEqual(['four', 'zwei'])
  })

  it('knows no more than it may, and drops the folders that were used longest ago [E21]', async () => {
    await drive.stop()
    drive = await open({}, 10)
    for (const path of ['a', 'b', '', 'c']) {
      await drive.clock.advance(31_000)
      await drive.names(path)
      await written()
    }
    const has = (path: string) => drive.mirror!.has(drive.remote.entryAt(path).id)
    expect(drive.mirror!.usage.objects).toBeLessThanOrEqual(10)
    expect(['', 'a', 'b', 'c'].filter(has)).toEqual(['', 'b', 'c'])
    await drive.crash()
    await drive.clock.advance(3_000)
    await drive.names('c')
    await drive.names('a')
    expect(listed()[0]).toBe('a')
  })

  it('is of no use for another drive at the same address, and is emptied', async () => {
    await walked()
    await drive.mirror!.settled()
    drive.remote.facts = { ...drive.remote.facts, top: { id: 'other' as FileId, createdAtMs: 5 } }
    await drive.crash()
    expect(drive.startCalls.map(({ method }) => method)).toEqual(['list'])
    expect(await drive.names()).toEqual(['a', 'b', 'c', 'five'])
    expect(drive.log.lines.map(({ message }) => message)).toContain(
      'the server has another drive than the one that was known: it was set up anew',
    )
    await drive.mirror!.settled()
    expect(
      folders
        .filter((path) => path !== '')
        .every((path) => !drive.mirror!.has(drive.remote.entryAt(path).id)),
    ).toBe(true)
  })
})
