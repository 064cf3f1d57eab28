import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadAddon, lookForAddon } from '../../../../src/fuse/native/addon.ts'

const prebuilt = `prebuilds/linux-${process.arch}/cloudreve_fuse.napi.glibc.node`
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'addon-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function put(path: string, text: string): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

describe('the addon', () => {
  it('that is nowhere is said to be missing for this machine, with what compiles it', () => {
    const found = lookForAddon(folder)
    expect(found).toMatchObject({
      text: `the native driver comes with no binary for this machine (linux-${process.arch})`,
      remedy: expect.stringContaining('npm run build:native') as string,
    })
  })

  it('that is no library is said to be unloadable, in one line', () => {
    put(prebuilt, 'not an ELF file')
    const found = lookForAddon(folder)
    expect(found).toMatchObject({ text: expect.stringContaining('cannot be loaded') as string })
    expect('text' in found && found.text).not.toContain('\n')
  })

  it('for another processor is not taken', () => {
    const other = process.arch === 'x64' ? 'arm64' : 'x64'
    put(`prebuilds/linux-${other}/cloudreve_fuse.napi.glibc.node`, 'not an ELF file')
    expect(lookForAddon(folder)).toMatchObject({ text: expect.stringContaining('no binary') as string })
  })

  const isBuilt = ['build/Release', `prebuilds/linux-${process.arch}`].some((path) =>
    existsSync(join(import.meta.dirname, '../../../../native', path)),
  )
  it.skipIf(!isBuilt && !process.env['CI'])(
    'of this checkout is the one that the driver was written for',
    () => {
      expect(loadAddon().ABI_VERSION).toBeGreaterThan(0)
      const found = lookForAddon()
      expect('origin' in found && found.origin).toMatch(/^(prebuilt|built here)$/)
    },
  )
})
