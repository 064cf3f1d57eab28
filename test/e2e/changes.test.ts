import { open, readdir, readFile, stat, writeFile, type FileHandle } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { expectedOf } from '../conformance/driver-differences.ts'
import { expectBytes } from '../conformance/suite.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

/** Five of them the server waits; the rest is a busy machine. */
const seen = { timeout: 15_000, interval: 20 }

async function isLive(mount: Mount): Promise<void> {
  await vi.waitFor(
    async () => expect(await mount.status()).toMatchObject({ changes: { state: 'live' } }),
    seen,
  )
}

/** From the beginning. */
async function bytesOf(file: FileHandle, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0)
  return buffer.subarray(0, bytesRead)
}

await describeMounts('changes that somebody else makes', [], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('d/known.txt', 'known')
    await place.drive.put('d/other.txt', 'other')
    await place.drive.put('e/far.txt', 'far')
    mount = await place.mount()
    await isLive(mount)
  })
  afterAll(() => place?.close())

  it('are seen seconds later, for one listing of the folder, though that is believed for minutes [E7][E8]', async () => {
    expect(await readdir(place.at('d'))).toEqual(['known.txt', 'other.txt'])
    const mark = place.mark()
    const startedAt = performance.now()
    await place.drive.put('d/new.txt', 'new')
    await place.drive.put('d/known.txt', 'changed')
    await place.drive.rename('d/other.txt', 'renamed.txt')
    await vi.waitFor(async () => {
      expect(await readdir(place.at('d'))).toEqual(['known.txt', 'new.txt', 'renamed.txt'])
    }, seen)
    expect(performance.now() - startedAt).toBeGreaterThan(4_900)
    expect(mark.counts()).toMatchObject({ 'GET /file': 1 })
    expect(await readFile(place.at('d/known.txt'), 'utf8')).toBe('changed')
    await expect(stat(place.at('d/other.txt'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('do not reach who has the file open, and reach all who open it then [E3][E4][V11]', async () => {
    const old = Buffer.alloc(600_000, 'old ')
    const changed = Buffer.alloc(600_000, 'new ')
    await place.drive.put('d/large.bin', old)
    await vi.waitFor(() => stat(place.at('d/large.bin')), seen)
    await using reader = await open(place.at('d/large.bin'))
    expect(await bytesOf(reader, 8192)).toEqual(old.subarray(0, 8192))
    const { mtimeMs } = await stat(place.at('d/large.bin'))
    await place.drive.put('d/large.bin', changed)
    await vi.waitFor(
      async () => expect((await stat(place.at('d/large.bin'))).mtimeMs).not.toBe(mtimeMs),
      seen,
    )
    expectBytes(await bytesOf(reader, 600_000), old)
    await using fresh = await open(place.at('d/large.bin'))
    expect(await bytesOf(fresh, 8192)).toEqual(changed.subarray(0, 8192))
    // What the kernel keeps of this one the other one would be given, where it knows one node for both.
    expectBytes(await bytesOf(reader, 600_000), expectedOf(driver, 'versionStaysOpen') ? old : changed)
    expectBytes(await bytesOf(fresh, 600_000), changed)
  })

  it('through the mount itself cost no listing', async () => {
    await readdir(place.at('d'))
    await readdir(place.at('e'))
    const { position } = place.server.requests
    await writeFile(place.at('d/ours.txt'), 'ours')
    await mount.settle()
    // What the server tells of, it tells at once: ours would come with this.
    await place.drive.put('e/new.txt', 'new')
    await vi.waitFor(async () => expect(await readdir(place.at('e'))).toContain('new.txt'), seen)
    const listed = place.server.requests.since(position).filter(({ route }) => route === 'GET /file')
    expect(listed.map(({ path }) => new URLSearchParams(path.split('?')[1]).get('uri'))).toEqual([
      'cloudreve://my/e',
    ])
  })

  it('and of which the server has forgotten to tell are found when it is back', async () => {
    await readdir(place.at('d'))
    await place.server.goOffline()
    await vi.waitFor(
      async () => expect(await mount.status()).toMatchObject({ changes: { state: 'polling' } }),
      seen,
    )
    await place.server.goOnline()
    await place.server.restart('kill')
    await place.drive.put('d/meanwhile.txt', 'x')
    await isLive(mount)
    await vi.waitFor(async () => expect(await readdir(place.at('d'))).toContain('meanwhile.txt'), seen)
  })
})

await describeMounts('changes at a server that tells of none', [], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver, eventPush: false })
    await place.drive.put('d/known.txt', 'known')
    mount = await place.mount({ args: ['--poll=1s'] })
  })
  afterAll(() => place?.close())

  it('are seen by the next question, and the status says that it asks [E7][E8]', async () => {
    const reason = 'the event stream is switched off on the server'
    await vi.waitFor(async () => {
      expect(await mount.status()).toMatchObject({ changes: { state: 'polling', everyMs: 1_000, reason } })
    }, seen)
    expect(await readdir(place.at('d'))).toEqual(['known.txt'])
    await place.drive.put('d/new.txt', 'new')
    await vi.waitFor(async () => expect(await readdir(place.at('d'))).toEqual(['known.txt', 'new.txt']), seen)
  })
})

await describeMounts('a server that tells nothing of changes', [], (driver) => {
  let place: Workplace

  afterEach(() => place.close())

  it.each([
    ['as it is older than 4.11', { isBefore411: true }, 'the server has no event stream'],
    [
      'as that is switched off, Pro',
      { eventPush: false, pro: true },
      'the event stream is switched off on the server',
    ],
  ])('is asked for them, %s, and status says so [E7][E8]', async (_, server, reason) => {
    place = await Workplace.open({ driver, ...server })
    await place.drive.put('d/known.txt', 'known')
    await place.mount({ args: ['-o', 'poll=1s,metadata-ttl=1h'] })
    await vi.waitFor(async () => {
      const { stdout } = await place.cli(['status'])
      expect(stdout).toContain(`changes   asked for every 1 s while in use: ${reason}`)
    }, seen)
    expect(await readdir(place.at('d'))).toEqual(['known.txt'])
    await place.drive.put('d/new.txt', 'new')
    await vi.waitFor(async () => expect(await readdir(place.at('d'))).toEqual(['known.txt', 'new.txt']), seen)
  })
})

/** Each is a process of its own, as a cache of the kernel is shared by all. */
const waysToRead: Readonly<Record<string, readonly string[]>> = {
  plain: ['cat'],
  direct: ['dd', 'iflag=direct', 'bs=4096', 'status=none'],
  mapped: [
    'python3',
    '-c',
    'import mmap, sys; print(mmap.mmap(sys.stdin.fileno(), 0, prot=mmap.PROT_READ)[:].decode(), end="")',
  ],
}

await describeMounts('new bytes of the same length', ['dd', 'python3'], (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    for (const name of ['overwritten', 'renamed', 'replaced']) await place.drive.put(name, 'before')
    await place.drive.put('other', 'after!')
    // With our own driver nothing but what it is told makes the kernel ask again.
    const args = driver === 'native' ? ['-o', 'attr-ttl=1h,entry-ttl=1h,negative-ttl=1h'] : []
    await isLive(await place.mount({ args }))
  })
  afterAll(() => place?.close())

  async function read(way: string, name: string): Promise<string> {
    const words = waysToRead[way]!.map((word) => `'${word}'`).join(' ')
    return run('bash', ['-c', `${words} < '${place.at(name)}'`])
  }

  const changes: Readonly<Record<string, () => Promise<unknown>>> = {
    overwritten: () => place.drive.put('overwritten', 'after!'),
    renamed: async () => {
      await place.drive.rename('renamed', 'away')
      await place.drive.rename('other', 'renamed')
    },
    replaced: async () => {
      await place.drive.remove('replaced')
      await place.drive.put('replaced', 'after!')
    },
  }

  it.each(Object.keys(changes))(
    'of a file that is %s are read in every way, whichever has filled the kernel’s cache before [E4][K5]',
    async (name) => {
      const ways = Object.keys(waysToRead)
      for (const way of ways) expect([way, await read(way, name)]).toEqual([way, 'before'])
      await changes[name]!()
      await vi.waitFor(async () => expect(await read('mapped', name)).toBe('after!'), seen)
      // Once it is seen nobody is shown what was, this way or that.
      for (const way of [...ways, ...ways]) expect([way, await read(way, name)]).toEqual([way, 'after!'])
    },
  )
})
