/** `npm run bench:driver -- [--rounds N] [--json] [--rows a,b] [--contenders a,b]`: see ../README.md. */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseRounds, range } from '../quartiles.ts'
import { compilePrograms } from './compile.ts'
import { contenderNames } from './contenders.ts'
import { Contest, type Measured, type Result } from './measure.ts'
import { rows, type Row } from './rows.ts'

const unitsOf: Record<Row['unit'], { readonly divisor: number; readonly word: string }> = {
  'B/s': { divisor: 1024 * 1024, word: 'MiB/s' },
  'op/s': { divisor: 1000, word: 'thousand a second' },
  time: { divisor: 1000, word: 'thousand entries a second' },
}

function chosen<T extends string>(names: readonly T[], words: string | undefined, what: string): T[] {
  if (words === undefined) return [...names]
  const wanted = words.split(',')
  const unknown = wanted.filter((word) => !names.some((name) => name === word))
  if (unknown.length > 0) throw new Error(`no ${what} ${unknown.join(', ')}: there are ${names.join(', ')}`)
  return names.filter((name) => wanted.includes(name))
}

function inWords({ row, speeds, ratios }: Result): string {
  const { divisor, word } = unitsOf[row.unit]
  const scaled = [...speeds].map(([name, { lower, median, upper }]) => {
    const figures = { lower: lower / divisor, median: median / divisor, upper: upper / divisor }
    return `  ${name.padEnd(12)} ${range(figures, 1)} ${word}`
  })
  return [`${row.name}: ${row.doc}, ${row.clients} at a time`, ...scaled, ...ratios.map(ratioInWords)].join(
    '\n',
  )
}

function ratioInWords({ of, against, higher, target, ratio }: Measured): string {
  const what = `  ${of} / ${against}${higher ? '' : ' (times)'}: ${range(ratio, 2)}`
  if (target === undefined) return what
  const isReached = higher ? ratio.median >= target : ratio.median <= target
  return `${what}, to be at ${higher ? 'least' : 'most'} ${target}${isReached ? '' : ': MISSED'}`
}

function inJson({ ratios }: Result): string {
  return ratios
    .map(({ name, ratio, target = null, higher }) =>
      JSON.stringify({ name, ratio: ratio.median, quartiles: [ratio.lower, ratio.upper], target, higher }),
    )
    .join('\n')
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '9' },
      rows: { type: 'string' },
      contenders: { type: 'string' },
    },
  })
  const rounds = parseRounds(values.rounds)
  const wantedRows = chosen(
    rows.map(({ name }) => name),
    values.rows,
    'row',
  )
  const wanted = chosen(contenderNames, values.contenders, 'contender')
  if (!existsSync('/dev/fuse')) throw new Error('nothing can be mounted: there is no /dev/fuse')
  const contest = await Contest.open(await compilePrograms())
  try {
    for (const row of rows.filter(({ name }) => wantedRows.includes(name))) {
      const result = await contest.measure(row, rounds, wanted)
      console.log(values.json ? inJson(result) : inWords(result))
    }
  } finally {
    await contest.close()
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
