import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ROOT_INO, type Fh, type Ino } from '../../../../src/core/types.ts'
import type { KernelCache } from '../../../../src/core/ports.ts'
import type { OpenView } from '../../../../src/core/drive.ts'
import type { ViewOptions } from '../../../../src/core/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { promised } from '../../../fakes/promised.ts'
import { TestDrive, errnoOf } from '../../../fakes/test-drive.ts'

const { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants
const at = (name: string) => ({ parent: ROOT_INO, name })
const options: ViewOptions = { uid: 0, gid: 0, entryTtlMs: 1_000, attrTtlMs: 1_000, readOnly: false }

const patientTimes = { entryTtlMs: 7_000, attrTtlMs: 8_000 }

/** One mount of the drive, and what its kernel was told. */
class Mount {
  readonly told: string[] = []
  readonly kernel: KernelCache = {
    invalidateInode: (ino) => void this.told.push(`inode ${ino}`),
    invalidateAttributes: (ino) => void this.told.push(`attributes ${ino}`),
    expireEntry: (parent, name, mere) => void this.told.push(`entry ${parent} ${name}${mere ? '?' : ''}`),
    deleteEntry: (parent, child, name) => void this.told.push(`gone ${parent} ${child} ${name}`),
  }
  view!: OpenView

  async open(more: Partial<ViewOptions> = {}, path: string[] = []): Promise<this> {
    this.view = await test.drive.openView(path, { ...options, ...more }, this.kernel)
    return this
  }

  get fs() {
    return promised(this.view.fileSystem)
  }

  async ino(name: string): Promise<Ino> {
    return (await this.fs.lookup(ROOT_INO, name, test.context())).ino
  }

  async opened(name: string, flags: number = O_RDONLY) {
    return this.fs.open(await this.ino(name), flags, test.context())
  }

  async save(name: string, text: string): Promise<void> {
    const { fh } = await this.opened(name, O_WRONLY)
    await this.fs.write(fh, 0, Buffer.from(text), test.context())
    await this.fs.release(fh)
  }

  /** As `ls`, whether its kernel may show what it was given last. */
  async list(): Promise<boolean> {
    const { fh, keepCache } = await this.fs.opendir(ROOT_INO, test.context())
    if (!keepCache) await this.fs.readdir(fh, 0, test.context())
    await this.fs.releasedir(fh)
    return keepCache
  }
}

const url = 'user.cloudreve.url'

let test: TestDrive
let here: Mount
let other: Mount

beforeEach(async () => {
  test = await TestDrive.open({ settings: { renameDelayMs: 1_000 } }, (remote) => {
    remote.putAsOther('a', 'before')
    remote.putAsOther('b', 'another')
    remote.putAsOther('d/f', 'below')
  })
  here = await new Mount().open()
  other = await new Mount().open()
})

afterEach(async () => {
  here.view.close()
  other.view.close()
  await test.stop()
})

describe('bytes of a file that another mount knows', () => {
  const changes: [string, (fh: Fh, source: Fh) => Promise<unknown>][] = [
    ['a write', (fh) => here.fs.write(fh, 0, Buffer.from('after'), test.context())],
    [
      'a copy',
      (fh, source) => here.fs.copyRange({ fh: source, offset: 0 }, { fh, offset: 0 }, 100, test.context()),
    ],
    [
      'a hole',
      (fh) => here.fs.allocate(fh, { offset: 0, length: 3, zero: true, keepSize: true }, test.context()),
    ],
  ]
  it.each(changes)('are dropped there after %s here [M2]', async (_what, change) => {
    const ino = await other.ino('a')
    const { fh } = await here.opened('a', O_RDWR)
    const source = await here.opened('b')
    other.told.length = here.told.length = 0
    await change(fh, source.fh)
    expect(other.told).toEqual([`inode ${ino}`])
    expect(here.told).toEqual([])
  })

  it.each([O_WRONLY, O_RDONLY])('are dropped there when it is opened here to be emptied', async (access) => {
    const ino = await other.ino('a')
    const known = await here.ino('a')
    other.told.length = 0
    const { fh } = await here.fs.open(known, access | O_TRUNC, test.context())
    expect(other.told).toContain(`inode ${ino}`)
    expect((await other.fs.getattr(ino, undefined, test.context())).attr.sizeBytes).toBe(0)
    await here.fs.release(fh)
  })

  it('are dropped there when it is made anew here', async () => {
    const ino = await other.ino('a')
    other.told.length = 0
    const { opened } = await here.fs.create(at('a'), 0o644, O_WRONLY | O_CREAT | O_TRUNC, test.context())
    expect(other.told).toContain(`inode ${ino}`)
    await here.fs.release(opened.fh)
  })

  it.each([
    ['its mode changes', (ino: Ino) => here.fs.setattr(ino, { mode: 0o600 }, undefined, test.context())],
    [
      'it is given an attribute',
      (ino: Ino) => here.fs.setxattr(ino, 'user.note', Buffer.from('x'), 'either', test.context()),
    ],
  ])('stay when only %s', async (_what, change) => {
    const ino = await other.ino('a')
    const known = await here.ino('a')
    other.told.length = 0
    await change(known)
    expect(other.told).toEqual([`attributes ${ino}`])
  })

  it('are read anew there, also after this mount has opened the new version', async () => {
    const first = await other.opened('a')
    await other.fs.release(first.fh)
    await here.save('a', 'after!')
    await test.settleAll()
    const ours = await here.opened('a')
    await here.fs.release(ours.fh)
    expect((await other.opened('a')).keepCache).toBe(false)
    expect((await other.opened('a')).keepCache).toBe(true)
  })
})

describe('names that another mount has listed', () => {
  it('are not shown again there after a rename that the server refused was taken back', async () => {
    await other.list()
    expect(await other.list()).toBe(true)
    await here.fs.rename(at('a'), at('c'), {}, test.context())
    await other.list()
    test.remote.fail('rename', new RemoteError('denied', 'not here'))
    await test.clock.advance(900)
    await other.list()
    await test.clock.advance(200)
    expect(test.remote.paths()).toContain('a')
    // This mount is given the names as they are now; the other one was not.
    await here.list()
    await here.list()
    expect(await here.list()).toBe(true)
    expect(await other.list()).toBe(false)
  })
})

describe('what a kernel is given', () => {
  it('is to be believed for the times of its mount, however old the listing is [E2]', async () => {
    const patient = await new Mount().open(patientTimes)
    for (const mount of [patient, here]) {
      const { entryTtlMs, attrTtlMs } = mount === patient ? patientTimes : options
      expect(await mount.fs.lookup(ROOT_INO, 'a', test.context())).toMatchObject({ entryTtlMs, attrTtlMs })
      await test.clock.advance(29_000)
      expect(await mount.fs.getattr(await mount.ino('a'), undefined, test.context())).toMatchObject({
        attrTtlMs,
      })
    }
    patient.view.close()
  })
})

describe('a mount that only reads', () => {
  it('empties no file', async () => {
    const reader = await new Mount().open({ readOnly: true })
    expect(await errnoOf(reader.opened('a', O_RDONLY | O_TRUNC))).toBe('EROFS')
    reader.view.close()
  })
})

describe('a new file whose upload was given up', () => {
  it('is doubted by the kernels that know of it, and only there where nobody below may notice', async () => {
    const d = await here.ino('d')
    const f = (await here.fs.lookup(d, 'f', test.context())).ino
    test.drive.followChanges()
    test.remote.feed.tell({ kind: 'live' })
    await settle()
    for (const mount of [here, other]) mount.told.length = 0
    test.remote.feed.tell({ kind: 'missed' })
    await settle()
    expect(here.told.toSorted()).toEqual(['entry 1 d?', `entry ${d} f`, 'inode 1', `inode ${d}`])
    expect(here.told).not.toContain(`inode ${f}`)
    expect(other.told).toEqual(['inode 1', 'entry 1 d?'])
  })

  it('is gone for every kernel when somebody drops it', async () => {
    const { opened } = await here.fs.create(at('new'), 0o644, O_WRONLY | O_CREAT, test.context())
    await here.fs.write(opened.fh, 0, Buffer.from('x'), test.context())
    test.remote.fail('upload', new RemoteError('denied', 'not here'))
    await here.fs.release(opened.fh)
    await test.clock.advance(2_000)
    await eventually(() => test.drive.writeBack.pending()[0]?.state.state === 'failed')
    const ino = await other.ino('new')
    here.told.length = other.told.length = 0
    expect(await test.drive.top.discard(['new'], test.context())).toBe('content')
    for (const { told } of [here, other]) expect(told).toContain(`gone 1 ${ino} new`)
  })
})

describe('an address that needs no sign-in', () => {
  it('is told to who mounts, to whom the mount shows as its owner, and to root; to nobody else [A28]', async () => {
    const shown = await new Mount().open({ uid: 1234 })
    const ino = await shown.ino('a')
    const ask = (uid: number, name = url) => shown.fs.getxattr(ino, name, test.context({ uid }))
    const me = process.getuid?.() ?? 0
    for (const uid of [me, 1234, 0]) expect(Buffer.from(await ask(uid)).toString()).toContain('sign=')
    test.remote.script.forgetCalls()
    for (const name of [url, 'user.cloudreve.thumbnail'])
      expect(await errnoOf(ask(4321, name))).toBe('EACCES')
    expect(Buffer.from(await ask(4321, 'user.cloudreve.id')).length).toBeGreaterThan(0)
    expect(test.remote.count()).toBe(0)
    expect(JSON.stringify(test.log)).not.toContain('sign=')
  })
})
