/** `npm run bench -- [NAME…] [--rounds N] [--json]`: NAME is a row or the start of one; all rows without. */
import { parseArgs } from 'node:util'
import { mountUnavailable } from '../test/e2e/harness.ts'
import { measure, type Result } from './measure.ts'
import { parseRounds, range, type Quartiles } from './quartiles.ts'
import { rows } from './rows.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } },
})

const why = await mountUnavailable()
if (why !== undefined) throw new Error(`nothing can be measured: ${why}`)
const rounds = parseRounds(values.rounds)
const chosen = rows.filter(
  ({ name }) => positionals.length === 0 || positionals.some((p) => name.startsWith(p)),
)
if (chosen.length === 0) throw new Error(`there are ${rows.map(({ name }) => name).join(', ')}`)

for (const row of chosen) {
  const result = await measure(row, rounds)
  console.log(values.json ? inJson(result) : inWords(result))
}

function inJson({ name, ratio, mountMs, plainMs, ...rest }: Result): string {
  const {
    mountRequests,
    plainRequests,
    mountProcessorMs,
    plainProcessorMs,
    target = null,
    note = null,
  } = rest
  const quartiles = [ratio.lower, ratio.upper]
  const compared = { name, ratio: ratio.median, quartiles, target, higher: false }
  return JSON.stringify({
    ...compared,
    note,
    mountMs,
    plainMs,
    mountProcessorMs,
    plainProcessorMs,
    mountRequests,
    plainRequests,
  })
}

function inWords(result: Result): string {
  const { name, doc, unit, mountMs, plainMs, ratio, mountRequests, plainRequests, target, note } = result
  const { mountProcessorMs, plainProcessorMs } = result
  const aim =
    target === undefined
      ? ''
      : `, at most ${Number(target.toFixed(2))}${ratio.median > target ? ': MISSED' : ''}`
  return [
    `${name}: ${doc}`,
    `  mount  ${range(mountMs, 0)} ${unit}, ${processor(mountProcessorMs)}${requests(mountRequests)}`,
    `  plain  ${range(plainMs, 0)} ${unit}, ${processor(plainProcessorMs)}${requests(plainRequests)}`,
    `  ratio  ${range(ratio, 2)}${aim}`,
    ...(note === undefined ? [] : [`  ${note}`]),
  ].join('\n')
}

function processor(spentMs: Quartiles | undefined): string {
  return spentMs === undefined ? '' : `processor ${range(spentMs, 0)} ms, `
}

function requests(counts: Readonly<Record<string, number>>): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const routes = Object.entries(counts).map(([route, count]) => `${count} × ${route}`)
  return `${total} requests (${routes.join(', ')})`
}
