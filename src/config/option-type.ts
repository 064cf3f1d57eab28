/**
 * The kinds of values that an option can have: how each is read from text (a flag, `-o`, the environment) or from a TOML
 * value, and how it is written back for `--help` and the documentation.
 */

/** What an option may be given as: text from a command line or the environment, or what a TOML file holds. */
export type RawValue = string | number | bigint | boolean

export interface OptionType<T> {
  /** Placeholder in the help text; `undefined` for switches, which take no value. */
  readonly placeholder: string | undefined
  /** What a value looks like, for messages: `a duration such as 500ms, 2s or 5m`. */
  readonly expects: string
  /** `undefined` when `raw` is not a value of this type. */
  parse(raw: RawValue): T | undefined
  /** As a person would write it. */
  format(value: T): string
}

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const sizeUnits = {
  B: 1,
  K: 1024,
  KiB: 1024,
  KB: 1000,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  MB: 1000 ** 2,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  GB: 1000 ** 3,
} as const

/** ms. A unit must be given (`500ms`): only 0 means the same in all of them. */
export const durationType: OptionType<number> = {
  placeholder: 'duration',
  expects: 'a duration such as 500ms, 2s or 5m',
  parse(raw) {
    if (String(raw) === '0') return 0
    return withUnit(raw, durationUnits)
  },
  format(value) {
    const unit = largestUnit(value, durationUnits)
    return value === 0 ? '0' : `${value / durationUnits[unit]}${unit}`
  },
}

/** Bytes. A bare number counts bytes. */
export const sizeType: OptionType<number> = {
  placeholder: 'size',
  expects: 'a size such as 64MiB, 1GiB or a number of bytes',
  parse(raw) {
    return naturalNumber(raw) ?? withUnit(raw, sizeUnits)
  },
  format(value) {
    const unit = largestUnit(value, { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 })
    return `${value / sizeUnits[unit]}${unit}`
  },
}

/** Bytes a second; 0 = as many as there can be. */
export const rateType: OptionType<number> = {
  ...sizeType,
  expects: 'bytes a second such as 500K, 2MiB or 0 for no limit',
  format: (value) => (value === 0 ? '0' : sizeType.format(value)),
}

/** A whole number from `min` to `max`, both inclusive. */
export function countType(min: number, max: number): OptionType<number> {
  return {
    placeholder: 'number',
    expects: `a whole number from ${min} to ${max}`,
    parse(raw) {
      const value = naturalNumber(raw)
      return value !== undefined && value >= min && value <= max ? value : undefined
    },
    format: String,
  }
}

/** Permission bits as octal text (`022`). Not as a number: `umask = 22` in a TOML file would mean 026 and nobody's intent. */
export const modeType: OptionType<number> = {
  placeholder: 'octal',
  expects: 'permission bits in octal such as "022" or "0640"',
  parse(raw) {
    const digits = typeof raw === 'string' ? /^(?:0o)?0*([0-7]{1,3})$/.exec(raw)?.[1] : undefined
    return digits === undefined ? undefined : Number.parseInt(digits, 8)
  },
  format: (value) => value.toString(8).padStart(4, '0'),
}

export const switchType: OptionType<boolean> = {
  placeholder: undefined,
  expects: 'true or false',
  parse(raw) {
    const text = String(raw).toLowerCase()
    if (['true', 'yes', 'on', '1'].includes(text)) return true
    return ['false', 'no', 'off', '0'].includes(text) ? false : undefined
  },
  format: String,
}

export const textType = (placeholder: string): OptionType<string> => ({
  placeholder,
  expects: 'some text',
  parse: (raw) => (typeof raw === 'string' && raw !== '' ? raw : undefined),
  format: (value) => value,
})

export function choiceType<const T extends string>(choices: readonly T[]): OptionType<T> {
  return {
    placeholder: choices.join('|'),
    expects: `one of ${choices.join(', ')}`,
    parse: (raw) => choices.find((choice) => choice === raw),
    format: (value) => value,
  }
}

function naturalNumber(raw: RawValue): number | undefined {
  const text = String(raw)
  if (!/^\d{1,15}$/.test(text)) return undefined
  return Number(text)
}

function withUnit(raw: RawValue, units: Readonly<Record<string, number>>): number | undefined {
  const [, amount, unit] = /^(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]+)$/i.exec(String(raw)) ?? []
  if (amount === undefined || unit === undefined) return undefined
  const name = Object.keys(units).find((known) => known.toLowerCase() === unit.toLowerCase())
  return name === undefined ? undefined : Math.round(Number(amount) * units[name]!)
}

function largestUnit<U extends string>(value: number, units: Readonly<Record<U, number>>): U {
  const names = Object.keys(units) as U[]
  const fitting = names.filter((name) => value >= units[name] && value % units[name] === 0)
  return fitting.at(-1) ?? names[0]!
}
