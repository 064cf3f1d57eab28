import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine, Handle } from '../../conformance/engine.ts'
import { EmbeddedHost } from '../../conformance/engines/http-hosts.ts'
import { savesWithBackup, type Call } from './recorded-calls.ts'
import { recordedSaves, type RecordedSave } from './recorded-saves.ts'

const host = new EmbeddedHost()

beforeAll(() => host.start())
afterAll(() => host.stop())

/** Does what the program did; a call that is refused is refused to it as well. */
class Replay {
  readonly #fs: Engine
  readonly #handles = new Map<number, Handle>()

  constructor(fs: Engine) {
    this.#fs = fs
  }

  async run(calls: readonly Call[]): Promise<void> {
    for (const call of calls) await this.#call(call)
    expect(this.#handles.size, 'descriptors that the program left open').toBe(0)
  }

  async #call(call: Call): Promise<void> {
    switch (call[0]) {
      case 'open': {
        const [, fd, path, flags, mode] = call
        this.#handles.set(fd, await this.#fs.open(path, flags, mode))
        return
      }
      case 'read':
        await this.#handle(call[1]).read(0, call[2])
        return
      case 'write':
        return this.#handle(call[1]).write(call[2], call[3])
      case 'ftruncate':
        return this.#handle(call[1]).truncate(call[2])
      case 'fsync':
        return this.#handle(call[1]).fsync()
      case 'close':
        await this.#handle(call[1]).close()
        this.#handles.delete(call[1])
        return
      case 'rename':
        return this.#fs.rename(call[1], call[2])
      case 'link':
        return expect(this.#fs.link(call[1], call[2])).rejects.toMatchObject({ code: 'EPERM' })
      case 'unlink':
        return this.#fs.unlink(call[1])
      case 'mkdir':
        return this.#fs.mkdir(call[1])
      case 'chmod':
        return this.#fs.chmod(call[1], call[2])
      case 'utimens':
        return this.#fs.utimes(call[1], call[2], call[2])
    }
  }

  #handle(fd: number): Handle {
    const handle = this.#handles.get(fd)
    if (!handle) throw new Error(`descriptor ${fd} is not open`)
    return handle
  }
}

/** The files and their folders, listed and at rest, as a program finds them. */
async function prepare(
  fs: Engine,
  { before }: Pick<RecordedSave, 'before'>,
): Promise<Map<string, string | undefined>> {
  const folders = new Set(Object.keys(before).flatMap(foldersOf))
  for (const folder of folders) await fs.mkdir(folder)
  for (const [path, content] of Object.entries(before)) await fs.writeFile(path, content)
  await fs.settle()
  await fs.remount!()
  for (const folder of ['', ...folders]) await fs.readdir(folder)
  const ids = new Map<string, string | undefined>()
  for (const path of Object.keys(before)) ids.set(path, await fs.server!.fileId(path))
  return ids
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}

async function filesBelow(fs: Engine, path = ''): Promise<string[]> {
  const found: string[] = []
  for (const name of await fs.server!.names(path)) {
    const at = path === '' ? name : `${path}/${name}`
    const isFolder = (await fs.lstat(at)).kind === 'folder'
    found.push(...(isFolder ? await filesBelow(fs, at) : [at]))
  }
  return found.sort((a, b) => (a < b ? -1 : 1))
}

const urlRequest = 'POST /file/url'

function withoutUrls(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([request]) => request !== urlRequest))
}

describe('a save as recorded', () => {
  it.each(recordedSaves)('$name', async (save) => {
    const fs = await host.fresh()
    try {
      const ids = await prepare(fs, save)
      const mark = fs.server!.mark()
      await new Replay(fs).run(save.calls)
      await fs.settle()
      const counts = mark.counts()
      expect(await filesBelow(fs)).toEqual(Object.keys(save.after).sort((a, b) => (a < b ? -1 : 1)))
      for (const [path, [content, versions]] of Object.entries(save.after)) {
        expect((await fs.server!.bytes(path)).equals(Buffer.from(content)), path).toBe(true)
        expect(await fs.server!.versionCount(path), `versions of ${path}`).toBe(versions)
      }
      expect(withoutUrls(counts)).toEqual(withoutUrls(save.requests))
      // Those of contents that are opened within some milliseconds share a request.
      expect(counts[urlRequest] ?? 0).toBeLessThanOrEqual(save.requests[urlRequest] ?? 0)
      for (const [path, id] of ids) expect(await fs.server!.fileId(path), `id of ${path}`).toBe(id)
    } finally {
      await fs.close()
    }
  })
})

describe('saves in a row that keep the last content as a backup', () => {
  it.each(Object.entries(savesWithBackup))(
    'of %s cost the same each, and keep both ids [S6]',
    async (_, calls) => {
      const fs = await host.fresh()
      try {
        const before = { 'report.txt': 'save 0\n', 'report.txt~': 'older\n' }
        const ids = await prepare(fs, { before })
        for (let save = 1; save <= 10; save += 1) {
          const mark = fs.server!.mark()
          await new Replay(fs).run(calls(`save ${save}\n`))
          await fs.settle()
          const requests = Object.values(withoutUrls(mark.counts()))
          expect(
            requests.reduce((sum, count) => sum + count, 0),
            `save ${save}`,
          ).toBeLessThanOrEqual(4)
          for (const [path, id] of ids) expect(await fs.server!.fileId(path), `id of ${path}`).toBe(id)
          expect((await fs.server!.bytes('report.txt~')).toString()).toBe(`save ${save - 1}\n`)
        }
        for (const path of ids.keys()) expect(await fs.server!.versionCount(path)).toBe(10)
        expect(await filesBelow(fs)).toEqual([...ids.keys()])
      } finally {
        await fs.close()
      }
    },
  )
})
