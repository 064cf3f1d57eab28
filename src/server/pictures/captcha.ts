import { encodePng, paint } from './png.ts'

/** Glyphs of five rows with three dots each; a row is a number of three bits. */
const glyphs: Record<string, readonly number[]> = {
  A: [2, 5, 7, 5, 5],
  B: [6, 5, 6, 5, 6],
  C: [3, 4, 4, 4, 3],
  D: [6, 5, 5, 5, 6],
  E: [7, 4, 6, 4, 7],
  F: [7, 4, 6, 4, 4],
  G: [3, 4, 5, 5, 3],
  H: [5, 5, 7, 5, 5],
  J: [1, 1, 1, 5, 2],
  K: [5, 5, 6, 5, 5],
  L: [4, 4, 4, 4, 7],
  M: [5, 7, 7, 5, 5],
  N: [6, 5, 5, 5, 5],
  P: [6, 5, 6, 4, 4],
  Q: [2, 5, 5, 7, 3],
  R: [6, 5, 6, 6, 5],
  S: [3, 4, 2, 1, 6],
  T: [7, 2, 2, 2, 2],
  U: [5, 5, 5, 5, 7],
  V: [5, 5, 5, 5, 2],
  W: [5, 5, 7, 7, 5],
  X: [5, 5, 2, 5, 5],
  Y: [5, 5, 2, 2, 2],
  Z: [7, 1, 2, 4, 7],
  2: [6, 1, 2, 4, 7],
  3: [6, 1, 2, 1, 6],
  4: [5, 5, 7, 1, 1],
  5: [7, 4, 6, 1, 6],
  6: [3, 4, 7, 5, 7],
  7: [7, 1, 2, 2, 2],
  8: [7, 5, 7, 5, 7],
  9: [7, 5, 7, 1, 6],
}

const dot = 6
const cell = 4 * dot
const height = 60
const top = 15

/** A PNG that a person can read the text from. Characters without a glyph are left out. */
export function captchaPicture(text: string): Buffer {
  const width = Math.max(240, text.length * cell + cell)
  const shown = Array.from(text.toUpperCase()).map((letter) => glyphs[letter] ?? [])
  return encodePng(
    paint(width, height, (x, y) => {
      const row = Math.floor((y - top) / dot)
      const column = Math.floor((x - dot) / dot)
      const bits = shown[Math.floor(column / 4)]?.[row] ?? 0
      const isInk = column >= 0 && row >= 0 && column % 4 < 3 && (bits & (4 >> (column % 4))) !== 0
      return isInk ? [20, 40, 90] : [235, 240, 250 - ((x * x * 7 + y * y * 13 + x * y) % 97)]
    }),
  )
}
