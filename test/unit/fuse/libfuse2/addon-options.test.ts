import { expect, it } from 'vitest'
import { DriverError } from '../../../../src/fuse/errors.ts'
import { addonOptions } from '../../../../src/fuse/libfuse2/addon-options.ts'
import { whyNotLoaded } from '../../../../src/fuse/libfuse2/addon.ts'

const options = {
  mountpoint: '/home/anna/cloud',
  readOnly: false,
  allowOther: false,
  sourceName: 'https://cloud.example.com',
  entryTtlMs: 1_500,
  attrTtlMs: 0,
}

it('puts the options that the addon does not know behind the source name [E2][K7]', () => {
  expect(addonOptions(options, false).fsname.split(',')).toEqual([
    'https://cloud.example.com',
    'use_ino',
    'big_writes',
    'max_write=131072',
    'max_readahead=131072',
    'max_background=512',
    'congestion_threshold=384',
    'entry_timeout=1.5',
    'attr_timeout=0',
    'negative_timeout=0',
  ])
})

it('a comma or backslash in the source name starts no option', () => {
  const { fsname } = addonOptions({ ...options, sourceName: String.raw`a,allow_other\b` }, false)
  expect(fsname.startsWith(String.raw`a\,allow_other\\b,use_ino,`)).toBe(true)
})

it('never lets the addon answer slow calls by itself, and lets the kernel check modes', () => {
  expect(addonOptions(options, false)).toMatchObject({ timeout: false, defaultPermissions: true })
})

it('a read-only mount is read-only for the kernel', () => {
  expect(addonOptions({ ...options, readOnly: true }, false).fsname).toMatch(/,ro$/)
})

it('refuses options that the addon would cut without a word', () => {
  expect(() => addonOptions({ ...options, sourceName: 'x'.repeat(1_000) }, false)).toThrow(DriverError)
})

it.each([
  [
    'the package is missing',
    { code: 'ERR_MODULE_NOT_FOUND', message: "Cannot find package '@cocalc/fuse-native'" },
  ],
  [
    'it was not built',
    { message: 'No native build was found for platform=linux arch=x64\n loaded from: /x' },
  ],
  [
    'libfuse2 is missing',
    { code: 'ERR_DLOPEN_FAILED', message: 'libfuse.so.2: cannot open shared object file' },
  ],
])('says in one line what to install when %s', (_, error) => {
  const sentence = whyNotLoaded(Object.assign(new Error(error.message), error))
  expect(sentence).toMatch(/apt-get install libfuse-dev/)
  expect(sentence).not.toContain('\n')
})
