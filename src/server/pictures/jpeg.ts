import type { Picture } from './png.ts'

/** Sizes of blocks, in pixels. Each block has one colour: only the mean of its pixels is coded. */
const blockSize = 8
const quantizer = 8

/** A baseline JPEG file (JFIF, three components) whose blocks of eight by eight pixels are flat. Width and height are multiples of 8. */
export function encodeJpeg(picture: Picture): Buffer {
  const { width, height } = picture
  const size = [height >> 8, height & 255, width >> 8, width & 255]
  return Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]),
    segment(0xdb, [0, ...Array.from({ length: 64 }, () => quantizer)]),
    segment(0xc0, [8, ...size, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]),
    // Twelve codes of four bits for the categories of differences; one code of one bit for "the rest of the block is zero".
    segment(0xc4, [0x00, 0, 0, 0, 12, ...zeros(12), ...Array.from({ length: 12 }, (_, i) => i)]),
    segment(0xc4, [0x10, 1, ...zeros(15), 0]),
    segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
    scan(picture),
    Buffer.of(0xff, 0xd9),
  ])
}

function segment(marker: number, data: readonly number[]): Buffer {
  const length = data.length + 2
  return Buffer.from([0xff, marker, length >> 8, length & 255, ...data])
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0)
}

function scan(picture: Picture): Buffer {
  const bits = new BitWriter()
  const last = [0, 0, 0]
  for (let y = 0; y < picture.height; y += blockSize)
    for (let x = 0; x < picture.width; x += blockSize)
      for (const [component, mean] of meanColour(picture, x, y).entries()) {
        const coefficient = Math.round((mean * blockSize) / quantizer)
        writeDifference(bits, coefficient - last[component]!)
        last[component] = coefficient
      }
  return bits.finish()
}

/** Mean of a block as Y, Cb, Cr, each around 0. */
function meanColour({ width, pixels }: Picture, left: number, top: number): number[] {
  const sum = [0, 0, 0]
  for (let y = top; y < top + blockSize; y += 1)
    for (let x = left; x < left + blockSize; x += 1)
      for (let c = 0; c < 3; c += 1) sum[c]! += pixels[(y * width + x) * 3 + c]!
  const [r, g, b] = sum.map((value) => value / (blockSize * blockSize)) as [number, number, number]
  return [
    0.299 * r + 0.587 * g + 0.114 * b - 128,
    -0.1687 * r - 0.3313 * g + 0.5 * b,
    0.5 * r - 0.4187 * g - 0.0813 * b,
  ]
}

function writeDifference(bits: BitWriter, difference: number): void {
  const category = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1
  bits.write(category, 4)
  if (category > 0) bits.write(difference > 0 ? difference : difference + (1 << category) - 1, category)
  bits.write(0, 1)
}

/** Bits into bytes; a byte of ones is followed by a zero byte, as JPEG demands. */
class BitWriter {
  readonly #bytes: number[] = []
  #pending = 0
  #count = 0

  write(value: number, length: number): void {
    for (let i = length - 1; i >= 0; i -= 1) {
      this.#pending = (this.#pending << 1) | ((value >> i) & 1)
      this.#count += 1
      if (this.#count === 8) this.#flush()
    }
  }

  finish(): Buffer {
    while (this.#count > 0) this.write(1, 1)
    return Buffer.from(this.#bytes)
  }

  #flush(): void {
    this.#bytes.push(this.#pending)
    if (this.#pending === 0xff) this.#bytes.push(0)
    this.#pending = 0
    this.#count = 0
  }
}
