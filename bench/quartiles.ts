export interface Quartiles {
  readonly lower: number
  readonly median: number
  readonly upper: number
}

export function quartiles(values: readonly number[]): Quartiles {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number => {
    const position = (sorted.length - 1) * share
    const [low, high] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!]
    return low + (high - low) * (position % 1)
  }
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) }
}

/** Of values that belong together, round by round. */
export function ratiosOf(values: readonly number[], references: readonly number[]): Quartiles {
  return quartiles(values.map((value, round) => value / references[round]!))
}

/** Median and, in brackets, the quartiles. */
export function range({ lower, median, upper }: Quartiles, digits: number): string {
  return `${median.toFixed(digits)} [${lower.toFixed(digits)} … ${upper.toFixed(digits)}]`
}

/** @throws an error whose message is a sentence */
export function parseRounds(word: string): number {
  const rounds = Number(word)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a number of at least 1')
  return rounds
}
