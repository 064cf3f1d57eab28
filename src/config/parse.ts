/** From what people wrote in four places to one set of values: flag > environment > configuration file > default. */
import { ConfigError } from './config-error.ts'
import { nearestName } from './nearest-name.ts'
import type { RawValue } from './option-type.ts'
import { environmentName, optionList, type MountOptions } from './options.ts'

/** What one source says, by option name, with the words that tell a person which source it is. */
export interface OptionSource {
  /** `--quiet-time`, `CLOUDREVE_MOUNT_QUIET_TIME`, `quiet-time in config.toml`. */
  label(optionName: string): string
  readonly values: ReadonlyMap<string, RawValue>
}

/** Spellings that `mount` and other FUSE programs taught people. */
const aliases = new Map<string, readonly [name: string, value: RawValue]>([
  ['ro', ['read-only', true]],
  ['rw', ['read-only', false]],
])

/**
 * The first source that names an option decides.
 * @throws {ConfigError} for an unknown name or a value of the wrong kind, naming the source.
 */
export function resolveOptions(sources: readonly OptionSource[]): MountOptions {
  for (const source of sources) refuseUnknown(source)
  return Object.fromEntries(
    optionList.map(([key, { name, type, default: fallback }]) => {
      const source = sources.find(({ values }) => values.has(name))
      if (!source) return [key, fallback]
      const raw = source.values.get(name)!
      const value = type.parse(raw)
      if (value === undefined) {
        throw new ConfigError(`${source.label(name)} must be ${type.expects}, not "${String(raw)}"`)
      }
      return [key, value]
    }),
  ) as MountOptions
}

/** `-o a=1,b,c=x\,y`, given once or more: names to values; a name alone switches on; `_` is read as `-`. */
export function parseOptionList(lists: readonly string[]): OptionSource {
  const values = new Map<string, RawValue>()
  for (const item of lists.flatMap(splitAtCommas)) {
    const at = item.indexOf('=')
    const name = (at < 0 ? item : item.slice(0, at)).trim().replaceAll('_', '-')
    if (name === '') throw new ConfigError(`-o ${item}: the name of the option is missing`)
    const [known, value] = (at < 0 ? aliases.get(name) : undefined) ?? [
      name,
      at < 0 ? true : item.slice(at + 1),
    ]
    values.set(known, value)
  }
  return { label: (name) => `-o ${name}`, values }
}

/** Flags of the command line; `undefined` members were not given. */
export function flagSource(flags: Readonly<Record<string, RawValue | undefined>>): OptionSource {
  const values = new Map<string, RawValue>()
  for (const [name, value] of Object.entries(flags)) if (value !== undefined) values.set(name, value)
  return { label: (name) => `--${name}`, values }
}

/** The variables of the table; an empty one counts as not set. */
export function environmentSource(environment: Readonly<Record<string, string | undefined>>): OptionSource {
  const values = new Map<string, RawValue>()
  for (const [, { name }] of optionList) {
    const value = environment[environmentName(name)]
    if (value !== undefined && value !== '') values.set(name, value)
  }
  return { label: environmentName, values }
}

/** `options` as text by option name, to be passed to another process; `readWrittenOptions` is the way back. */
export function writtenOptions(options: MountOptions): Record<string, string> {
  return Object.fromEntries(
    optionList.flatMap(([key, { name, type }]) =>
      options[key] === undefined ? [] : [[name, type.format(options[key])]],
    ),
  )
}

/** @throws {ConfigError} when the text was not written by `writtenOptions` of the same version */
export function readWrittenOptions(written: Readonly<Record<string, RawValue>>): MountOptions {
  return resolveOptions([{ label: (name) => `the option ${name}`, values: new Map(Object.entries(written)) }])
}

function refuseUnknown(source: OptionSource): void {
  const known = optionList.map(([, { name }]) => name)
  for (const name of source.values.keys()) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    throw new ConfigError(
      `${source.label(name)} is not an option` +
        (nearest ? `; did you mean ${source.label(nearest)}?` : '; `cloudreve-mount --help` lists them'),
    )
  }
}

function splitAtCommas(list: string): string[] {
  const items = list.match(/(?:\\.|[^,\\])+/g) ?? []
  return items.map((item) => item.replaceAll(/\\(.)/g, '$1'))
}
