/**
 * 52 well-mixed bits of a text, the same at every start and on every machine: cyrb53 (bryc, public domain) over UTF-16 units. For
 * numbers that must only be unlikely to meet, never where somebody could gain by making two meet.
 */
export function hash52(text: string): number {
  let [a, b] = [0xdeadbeef, 0x41c6ce57]
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 2_654_435_761)
    b = Math.imul(b ^ unit, 1_597_334_677)
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909)
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909)
  return 2 ** 32 * (b & 0xf_ffff) + (a >>> 0)
}
