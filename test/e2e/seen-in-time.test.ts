import { readdir, readFile, stat } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { encodeMode } from '../../src/core/attributes/index.ts'
import { uriOf } from '../harness/drive-client.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'

const tickMs = 50

/** For how long this process, which is the server too, could do nothing meanwhile: a busy machine is no defect. */
class Stalls {
  ms = 0
  #expectedAt = performance.now() + tickMs
  readonly #timer = setInterval(() => {
    const now = performance.now()
    this.ms += Math.max(0, now - this.#expectedAt)
    this.#expectedAt = now + tickMs
  }, tickMs)

  end(): void {
    clearInterval(this.#timer)
  }
}

/** ms until `look` finds what it wants, stalls not counted; a little more than promised is waited for. */
async function timeUntil(look: () => Promise<void>): Promise<number> {
  const stalls = new Stalls()
  const startedAt = performance.now()
  try {
    await vi.waitFor(look, { timeout: 15_000, interval: 20 })
    return performance.now() - startedAt - stalls.ms
  } finally {
    stalls.end()
  }
}

const trash = new URLSearchParams({ uri: 'cloudreve://trash', page_size: '50' }).toString()
const folders = Array.from({ length: 20 }, (_, i) => `many/${String(i).padStart(2, '0')}`)

await describeMounts('what others do is seen in time', [], (driver) => {
  let place: Workplace
  let run = 0
  let d: string

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    for (const folder of folders) await place.drive.put(`${folder}/old`, 'x')
    // With our own driver nothing but what it is told makes the kernel ask again.
    const args = driver === 'native' ? ['-o', 'attr-ttl=1h,entry-ttl=1h,negative-ttl=1h'] : []
    const mount = await place.mount({ args })
    await timeUntil(async () => expect(await mount.status()).toMatchObject({ changes: { state: 'live' } }))
  })
  beforeEach(async () => {
    run += 1
    d = `d${run}`
    await place.drive.put(`${d}/f`, 'x')
    await place.drive.put(`${d}/in/g`, 'x')
    await timeUntil(async () => {
      expect((await readdir(place.at(d))).sort()).toEqual(['f', 'in'])
      expect(await readdir(place.at(`${d}/in`))).toEqual(['g'])
    })
  })
  afterAll(() => place?.close())

  const isGone = (path: string) => expect(stat(place.at(path))).rejects.toMatchObject({ code: 'ENOENT' })

  it('a deletion [E9]', async () => {
    expect(await readFile(place.at(`${d}/f`), 'utf8')).toBe('x')
    await place.drive.call('DELETE', '/file', { uris: [uriOf(`${d}/f`)] })
    const deleted = timeUntil(async () => {
      await isGone(`${d}/f`)
      expect(await readdir(place.at(d))).toEqual(['in'])
    })
    expect(await deleted).toBeLessThanOrEqual(7_000)
  })

  it('a move [E8]', async () => {
    await isGone(`${d}/in/f`)
    await place.drive.call('POST', '/file/move', { uris: [uriOf(`${d}/f`)], dst: uriOf(`${d}/in`) })
    const moved = timeUntil(async () => {
      await isGone(`${d}/f`)
      expect(await readFile(place.at(`${d}/in/f`), 'utf8')).toBe('x')
      expect((await readdir(place.at(`${d}/in`))).sort()).toEqual(['f', 'g'])
    })
    expect(await moved).toBeLessThanOrEqual(7_000)
  })

  it('something restored [E9]', async () => {
    await place.drive.call('DELETE', '/file', { uris: [uriOf(`${d}/f`)] })
    await timeUntil(() => isGone(`${d}/f`))
    const { files } = (await place.drive.call('GET', `/file?${trash}`)) as { files: { path: string }[] }
    await place.drive.call('POST', '/file/restore', { uris: files.map(({ path }) => path) })
    const restored = timeUntil(async () => {
      expect(await readFile(place.at(`${d}/f`), 'utf8')).toBe('x')
      expect((await readdir(place.at(d))).sort()).toEqual(['f', 'in'])
    })
    expect(await restored).toBeLessThanOrEqual(7_000)
  })

  it('something new, new bytes and a new name [E8]', async () => {
    await isGone(`${d}/new`)
    await isGone(`${d}/h`)
    expect(await readFile(place.at(`${d}/f`), 'utf8')).toBe('x')
    await place.drive.put(`${d}/new`, 'new')
    await place.drive.put(`${d}/f`, 'y')
    await place.drive.rename(`${d}/in/g`, 'h')
    const seen = timeUntil(async () => {
      expect(await readFile(place.at(`${d}/new`), 'utf8')).toBe('new')
      expect(await readFile(place.at(`${d}/f`), 'utf8')).toBe('y')
      expect(await readdir(place.at(`${d}/in`))).toEqual(['h'])
      await isGone(`${d}/in/g`)
      expect((await readdir(place.at(d))).sort()).toEqual(['f', 'in', 'new'])
    })
    expect(await seen).toBeLessThanOrEqual(7_000)
  })

  it('20 things at once in as many known folders, whatever of them the server names [E10]', async () => {
    for (const folder of folders) {
      expect(await readdir(place.at(folder))).toEqual(['old'])
      await isGone(`${folder}/new`)
    }
    await Promise.all(folders.map((folder) => place.drive.put(`${folder}/new`, 'new')))
    await Promise.all(folders.map((folder) => place.drive.remove(`${folder}/old`)))
    const took = timeUntil(async () => {
      for (const folder of folders) {
        await isGone(`${folder}/old`)
        expect(await readFile(place.at(`${folder}/new`), 'utf8')).toBe('new')
      }
    })
    expect(await took).toBeLessThanOrEqual(15_000)
    for (const folder of folders) expect(await readdir(place.at(folder))).toEqual(['new'])
  })
})

await describeMounts('what others note of a file', [], (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('d/f', 'x')
    await place.mount({ args: ['-o', 'metadata-ttl=1s,revalidate=1s'] })
  })
  afterAll(() => place?.close())

  it('is seen once the listing is old [E11]', async () => {
    const modeOf = async () => (await stat(place.at('d/f'))).mode & 0o777
    expect(await modeOf()).toBe(0o644)
    await place.drive.call('PATCH', '/file/metadata', { uris: [uriOf('d/f')], patches: [encodeMode(0o600)] })
    expect(await timeUntil(async () => expect(await modeOf()).toBe(0o600))).toBeLessThanOrEqual(7_000)
  })
})
