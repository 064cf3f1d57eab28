import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Finding } from '../../../../src/mount/doctor/finding.ts'
import { examineFolders, folderProbes, type FolderLook } from '../../../../src/mount/doctor/folders.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'doctor-folders-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const paths = () => ({
  stateFolder: join(home, 'state/x'),
  cacheFolder: join(home, 'cache/x'),
  runtimeFolder: join(home, 'run'),
})

async function examined(look?: Partial<FolderLook>): Promise<Map<string, Finding>> {
  const found = new Map<string, Finding>()
  const probes = {
    ...folderProbes,
    look: async (folder: string) => ({ ...(await folderProbes.look(folder)), ...look }),
  }
  for await (const finding of examineFolders(probes, paths())) found.set(finding.check, finding)
  return found
}

function save(user: string, name: string) {
  const folder = join(paths().stateFolder, 'cloud.example.com', user, 'lost+found')
  const storedAt = join(folder, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(storedAt, 'x')
  writeFileSync(`${storedAt}.about.json`, JSON.stringify({ storedAt, label: `/${name}` }))
  return folder
}

describe('folders', () => {
  it('that do not exist yet are fine where they can be made', async () => {
    const found = await examined({ freeBytes: 2 ** 40 })
    expect([...found.values()].map(({ level }) => level)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(await folderProbes.look(paths().stateFolder)).toMatchObject({ existing: home, isThere: false })
  })

  it('below something that is no folder cannot be made', async () => {
    writeFileSync(join(home, 'state'), '')
    expect((await examined()).get('state folder')).toMatchObject({
      level: 'fail',
      text: expect.stringContaining('cannot be made') as string,
    })
  })

  it('that may not be written fail with the command that helps', async () => {
    const found = (await examined({ isWritable: false, isThere: true, existing: '/mine' })).get(
      'state folder',
    )
    expect(found).toMatchObject({ level: 'fail', remedy: 'give it to this user: sudo chown "$USER" /mine' })
  })

  it.each([
    [2 ** 40, 'ok'],
    [2 ** 29, 'warn'],
    [2 ** 20, 'fail'],
  ])('with %i bytes free: %s', async (freeBytes, level) => {
    expect((await examined({ freeBytes })).get('state folder')!.level).toBe(level)
  })

  it('of sockets must be closed to others', async () => {
    mkdirSync(join(home, 'run'), { mode: 0o700 })
    expect((await examined()).get('runtime folder')!.level).toBe('ok')
    chmodSync(join(home, 'run'), 0o755)
    expect((await examined()).get('runtime folder')!.level).toBe('fail')
  })
})

describe('saved files', () => {
  it('of any account are told with their folder', async () => {
    const folder = save('lpua', 'report.odt')
    const found = (await examined()).get('saved files')!
    expect(found.level).toBe('warn')
    expect(found.text).toContain(`a file lies in ${folder}`)
    save('abcd', 'other.odt')
    expect((await examined()).get('saved files')!.text).toContain('2 files lie in folders named lost+found')
  })

  it('that were taken away are not told any more', async () => {
    const folder = save('lpua', 'report.odt')
    rmSync(join(folder, 'report.odt'))
    expect((await examined()).get('saved files')!.level).toBe('ok')
  })
})
