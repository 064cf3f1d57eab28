/** Bytes of an annotated listing: hexadecimal digits in any grouping, `#` and what follows it is commentary. */
export function hex(listing: string): Buffer {
  const digits = listing
    .split('\n')
    .map((line) => line.replace(/#.*$/, ''))
    .join('')
    .replace(/\s+/g, '')
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not hexadecimal: ${digits}`)
  return Buffer.from(digits, 'hex')
}
