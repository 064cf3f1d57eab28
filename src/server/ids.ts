import { createHmac } from 'node:crypto'

/** Everything that has a public id. The same number gives different ids in different kinds (api/01 §13.1). */
export type IdKind =
  'user' | 'file' | 'entity' | 'group' | 'policy' | 'share' | 'directLink' | 'activity' | 'dav'

const kinds: readonly IdKind[] = [
  'user',
  'file',
  'entity',
  'group',
  'policy',
  'share',
  'directLink',
  'activity',
  'dav',
]
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const kindSlots = 16n
const checkSlots = 61n
const shortestId = 4
const longestId = 10

/**
 * Short alphanumeric ids that stand for (kind, number) and cannot be read without the installation's salt. A permutation of all words
 * of one length; a check digit makes nearly every other word invalid, so that a wrong-kind or invented id is refused.
 */
export class Ids {
  readonly #key: string
  readonly #cache = new Map<string, string>()

  constructor(salt: string) {
    this.#key = createHmac('sha256', salt).update('ids').digest('hex')
  }

  encode(kind: IdKind, number: number): string {
    const cacheKey = `${kind}:${number}`
    const known = this.#cache.get(cacheKey)
    if (known !== undefined) return known
    const id = this.#encode(kind, number)
    this.#cache.set(cacheKey, id)
    return id
  }

  /** The number behind an id of this kind; undefined when it is none. */
  decode(kind: IdKind, id: string): number | undefined {
    if (id.length < shortestId || id.length > longestId || !/^[0-9A-Za-z]+$/.test(id)) return undefined
    const { multiplier, offset, size } = this.#permutation(id.length)
    let word = 0n
    for (const letter of id) word = word * 62n + BigInt(alphabet.indexOf(letter))
    const value = ((word - offset + size) * inverse(multiplier, size)) % size
    const packed = value / checkSlots
    if (value % checkSlots !== checkOf(packed)) return undefined
    if (packed % kindSlots !== BigInt(kinds.indexOf(kind))) return undefined
    const number = Number(packed / kindSlots)
    return this.encode(kind, number) === id ? number : undefined
  }

  #encode(kind: IdKind, number: number): string {
    const packed = BigInt(number) * kindSlots + BigInt(kinds.indexOf(kind))
    const value = packed * checkSlots + checkOf(packed)
    let length = shortestId
    while (62n ** BigInt(length) <= value) length += 1
    const { multiplier, offset, size } = this.#permutation(length)
    let word = (value * multiplier + offset) % size
    let id = ''
    for (let i = 0; i < length; i += 1) {
      id = alphabet[Number(word % 62n)]! + id
      word /= 62n
    }
    return id
  }

  #permutation(length: number): { multiplier: bigint; offset: bigint; size: bigint } {
    const size = 62n ** BigInt(length)
    const start = (length * 5) % 24
    const seed = BigInt(`0x${this.#key.slice(start, start + 40)}`)
    let multiplier = (seed % size) | 1n
    while (multiplier % 31n === 0n) multiplier += 2n
    return { multiplier, offset: (seed / size) % size, size }
  }
}

function checkOf(packed: bigint): bigint {
  return (packed * 37n + 11n) % checkSlots
}

/** Inverse of `a` modulo `m` by Euclid; `a` and `m` share no factor. */
function inverse(a: bigint, m: bigint): bigint {
  let [oldRest, rest] = [a, m]
  let [oldFactor, factor] = [1n, 0n]
  while (rest !== 0n) {
    const quotient = oldRest / rest
    ;[oldRest, rest] = [rest, oldRest - quotient * rest]
    ;[oldFactor, factor] = [factor, oldFactor - quotient * factor]
  }
  return ((oldFactor % m) + m) % m
}
