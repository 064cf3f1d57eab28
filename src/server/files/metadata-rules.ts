import { ApiFailure } from '../failure.ts'
import type { Ids } from '../ids.ts'

/** One change of one key; without `value` it is removed. */
export interface MetadataChange {
  key: string
  value: string | undefined
}

const maxValueBytes = 65_535
const colour = /^(#[0-9a-f]{3,8}|(rgb|rgba|hsl|hsla)\([\d\s.,%/]+\))$/i
/** May be set, never removed. */
const shortcutKeys = ['sys:shared_redirect', 'sys:shared_owner']
const emoji = /^\p{Extended_Pictographic}/u

/**
 * Which keys a client may write, and with what (api/03 §14, api/00-live-account §45). Upload sessions do not look at the length of
 * values: those that are too long fail at the last chunk.
 * @throws {ApiFailure} 40001 key or value refused, -1 value too long
 */
export function checkMetadata(
  ids: Ids,
  changes: readonly MetadataChange[],
  { checksLength = true } = {},
): void {
  for (const { key, value } of changes) {
    if (!isAllowedKey(key, value !== undefined)) throw new ApiFailure(40001, { msg: 'Invalid metadata key' })
    if (value === undefined) continue
    checkValue(key, value)
    if (key === 'sys:shared_owner' && ids.decode('user', value) === undefined) throw new ApiFailure(40001)
    if (checksLength && isTooLong(value)) throw new ApiFailure(-1)
  }
}

export function isTooLong(value: string): boolean {
  return Buffer.byteLength(value) > maxValueBytes
}

/** Whether setting this key moves `updated_at`; removing one never does. */
export function movesUpdatedAt(key: string): boolean {
  return (
    key.startsWith('tag:') ||
    key.startsWith('props:') ||
    key === 'customize:icon_color' ||
    key === 'customize:emoji' ||
    shortcutKeys.includes(key)
  )
}

function isAllowedKey(key: string, isSet: boolean): boolean {
  if (shortcutKeys.includes(key)) return isSet
  if (key.startsWith('tag:')) return key.length > 'tag:'.length
  if (key.startsWith('props:')) return ['props:description', 'props:rating'].includes(key)
  return ['customize:', 'dav:', 'thumb:'].some((namespace) => key.startsWith(namespace))
}

function checkValue(key: string, value: string): void {
  const isRight = key.startsWith('tag:')
    ? value === '' || colour.test(value)
    : key === 'customize:icon_color'
      ? colour.test(value)
      : key === 'customize:emoji'
        ? emoji.test(value)
        : key === 'props:rating'
          ? /^[0-5]$/.test(value)
          : true
  if (!isRight) throw new ApiFailure(40001, { msg: 'Invalid metadata value' })
}
