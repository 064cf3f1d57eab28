import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfigFile } from '../../../src/config/config-file.ts'
import { configurationDocument } from '../../../src/config/document.ts'
import { nearestName } from '../../../src/config/nearest-name.ts'
import { environmentName, optionList } from '../../../src/config/options.ts'
import {
  environmentSource,
  flagSource,
  parseOptionList,
  resolveOptions,
  type OptionSource,
} from '../../../src/config/parse.ts'

const file = (text: string) => parseConfigFile(text, 'config.toml')

describe('precedence', () => {
  it('takes the default when nobody says anything', () => {
    const options = resolveOptions([])
    expect(options.quietTimeMs).toBe(500)
    expect(options.root).toBe('cloudreve://my')
    expect(options.uid).toBeUndefined()
  })

  it('a flag wins over -o, -o over the environment, the environment over the mount, the mount over the file', () => {
    const toml = file('quiet-time = "5s"\n[mounts."/home/ann/cloud"]\nquiet-time = "4s"\n')
    const sources: OptionSource[] = [
      flagSource({ 'quiet-time': '1s' }),
      parseOptionList(['quiet-time=2s']),
      environmentSource({ CLOUDREVE_MOUNT_QUIET_TIME: '3s' }),
      toml.forMount('/home/ann/cloud/'),
      toml.forAllMounts,
    ]
    const winners = sources.map((_, first) => resolveOptions(sources.slice(first)).quietTimeMs)
    expect(winners).toEqual([1000, 2000, 3000, 4000, 5000])
  })

  it('values for one mountpoint are not used for another', () => {
    const toml = file('[mounts."/home/ann/cloud"]\nread-only = true\n')
    expect(resolveOptions([toml.forMount('/home/ann/other')]).readOnly).toBe(false)
  })

  it('any option given in several places takes the value of the first of them', () => {
    const durations = fc.array(fc.option(fc.integer({ min: 1, max: 9999 }), { nil: undefined }), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(durations, (values) => {
        const sources = values.map((ms) => flagSource({ 'attr-ttl': ms === undefined ? ms : `${ms}ms` }))
        expect(resolveOptions(sources).attrTtlMs).toBe(values.find((ms) => ms !== undefined) ?? 1000)
      }),
    )
  })
})

describe('-o', () => {
  it('reads names, values, switches, aliases and underscores', () => {
    const options = resolveOptions([
      parseOptionList(['ro,allow_other,attr-ttl=5s', 'root=cloudreve://my/a\\,b']),
    ])
    expect(options).toMatchObject({
      readOnly: true,
      allowOther: true,
      attrTtlMs: 5000,
      root: 'cloudreve://my/a,b',
    })
  })

  it('keeps further equal signs in the value', () => {
    expect(parseOptionList(['root=cloudreve://my/a=b']).values.get('root')).toBe('cloudreve://my/a=b')
  })

  it('the last of two equal names counts, as with mount', () => {
    expect(resolveOptions([parseOptionList(['ro', 'rw'])]).readOnly).toBe(false)
  })

  it('suggests the nearest name for one that does not exist', () => {
    expect(() => resolveOptions([parseOptionList(['quite-time=1s'])])).toThrow(
      '-o quite-time is not an option; did you mean -o quiet-time?',
    )
    expect(() => resolveOptions([parseOptionList(['zzzzzzzz'])])).toThrow(
      '`cloudreve-mount --help` lists them',
    )
  })

  it('every list of plain pairs comes back as it was written', () => {
    const name = fc.stringMatching(/^[a-z][a-z-]{0,8}$/)
    const value = fc.string({ minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, minLength: 1 }),
        (pairs) => {
          const text = pairs.map(([key, raw]) => `${key}=${raw.replaceAll(/[\\,]/g, '\\$&')}`).join(',')
          expect([...parseOptionList([text]).values]).toEqual(pairs)
        },
      ),
    )
  })
})

describe('messages', () => {
  it('name the place of a wrong value and what would do', () => {
    expect(() => resolveOptions([environmentSource({ CLOUDREVE_MOUNT_QUIET_TIME: '500' })])).toThrow(
      'CLOUDREVE_MOUNT_QUIET_TIME must be a duration such as 500ms, 2s or 5m, not "500"',
    )
    expect(() => resolveOptions([file('delete = "never"').forAllMounts])).toThrow(
      '"delete" in config.toml must be one of trash, permanent, not "never"',
    )
    expect(() => resolveOptions([file('umask = 22').forAllMounts])).toThrow('permission bits in octal')
  })

  it('name the line of a file that is not TOML', () => {
    expect(() => file('a = 1\nb = \n')).toThrow(/config\.toml is not valid TOML in line 2/)
  })

  it('an unknown name in the file is refused like everywhere else', () => {
    expect(() => resolveOptions([file('read_only = true').forAllMounts])).toThrow(
      'did you mean "read-only" in config.toml?',
    )
  })

  it('nothing is suggested for a name that is like none', () => {
    expect(nearestName('xylophone', ['root', 'umask'])).toBeUndefined()
  })
})

describe('the table', () => {
  it('every default is a value of its own type and survives being written and read', () => {
    for (const [, { type, default: value }] of optionList) {
      if (value === undefined) continue
      expect(type.parse(type.format(value))).toEqual(value)
    }
  })

  it('every option has its own name and variable', () => {
    const names = optionList.map(([, { name }]) => name)
    expect(new Set(names.map(environmentName)).size).toBe(names.length)
  })

  it('sizes and durations of every unit are read', () => {
    const options = resolveOptions([flagSource({ 'read-memory': '1.5GiB', 'attr-ttl': '2m', umask: '077' })])
    expect(options).toMatchObject({ readMemoryBytes: 1.5 * 1024 ** 3, attrTtlMs: 120_000, umask: 0o077 })
  })

  it('limits are bytes a second with the units of sizes, and none by default', () => {
    expect(resolveOptions([])).toMatchObject({ uploadBytesPerSecond: 0, downloadBytesPerSecond: 0 })
    const options = resolveOptions([flagSource({ 'upload-limit': '500K', 'download-limit': '2M' })])
    expect(options).toMatchObject({ uploadBytesPerSecond: 500 * 1024, downloadBytesPerSecond: 2 * 1024 ** 2 })
  })

  it('docs/CONFIGURATION.md says what the table says (npm run docs writes it)', () => {
    const path = resolve(import.meta.dirname, '../../../docs/CONFIGURATION.md')
    expect(readFileSync(path, 'utf8')).toBe(configurationDocument())
  })
})
