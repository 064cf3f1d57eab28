/** Half-open byte range. */
export interface ContentRange {
  start: number
  end: number
}

export type RangeAnswer =
  | { kind: 'whole' }
  | { kind: 'partial'; ranges: ContentRange[] }
  /** 416; with `Content-Range` only when the range was well-formed. */
  | { kind: 'unsatisfiable'; isWellFormed: boolean }

/** Reads a `Range` header against content of `sizeBytes` (api/00-live-files §13). */
export function parseRange(header: string | undefined, sizeBytes: number): RangeAnswer {
  if (header === undefined || sizeBytes === 0) return { kind: 'whole' }
  const match = /^bytes=(.+)$/.exec(header.trim())
  if (!match) return { kind: 'unsatisfiable', isWellFormed: false }
  const ranges: ContentRange[] = []
  for (const part of match[1]!.split(',')) {
    const range = parseOne(part.trim(), sizeBytes)
    if (range === 'malformed') return { kind: 'unsatisfiable', isWellFormed: false }
    if (range) ranges.push(range)
  }
  if (ranges.length === 0) return { kind: 'unsatisfiable', isWellFormed: true }
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  return total > sizeBytes ? { kind: 'whole' } : { kind: 'partial', ranges }
}

/** Undefined: well-formed, but beyond the content. */
function parseOne(text: string, sizeBytes: number): ContentRange | 'malformed' | undefined {
  const match = /^(\d*)-(\d*)$/.exec(text)
  if (!match || (match[1] === '' && match[2] === '')) return 'malformed'
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), sizeBytes)
    return { start: sizeBytes - length, end: sizeBytes }
  }
  const start = Number(match[1])
  const last = match[2] === '' ? sizeBytes - 1 : Number(match[2])
  if (match[2] !== '' && last < start) return 'malformed'
  return start >= sizeBytes ? undefined : { start, end: Math.min(last, sizeBytes - 1) + 1 }
}
