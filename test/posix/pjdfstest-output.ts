/** What pjdfstest prints, without colours: a line a case, what it has to say of it below, and a summary at the end. */

export type Outcome = 'passed' | 'failed' | 'skipped'

export interface CaseResult {
  readonly outcome: Outcome
  /** Why it failed or was skipped, as the suite says. */
  readonly said: string
}

const outcomes: Readonly<Record<string, Outcome>> = { ok: 'passed', FAILED: 'failed', skipped: 'skipped' }
const caseLine = /^(?<name>\w+(?:::\w+)+) +(?<word>ok|FAILED|skipped)$/
const summaryLine =
  /^Summary: (?<failed>\d+) failed, (?<skipped>\d+) skipped, (?<passed>\d+) passed, 0 expected failures, (?<total>\d+) total$/

/** Results by name. @throws when the output is not that of a complete run */
export function parseOutput(output: string): ReadonlyMap<string, CaseResult> {
  const found = new Map<string, { outcome: Outcome; lines: string[] }>()
  let last: string[] = []
  let summary: Record<string, string> | undefined
  for (const line of output.split('\n')) {
    const { name, word } = caseLine.exec(line)?.groups ?? {}
    summary = summaryLine.exec(line)?.groups ?? summary
    if (name === undefined || word === undefined) {
      if (!summary) last.push(line.trim())
      continue
    }
    if (found.has(name)) throw new Error(`pjdfstest told of ${name} twice`)
    last = []
    found.set(name, { outcome: outcomes[word]!, lines: last })
  }
  const results = new Map<string, CaseResult>()
  for (const [name, { outcome, lines }] of found) results.set(name, { outcome, said: lines.join(' ').trim() })
  checkSummary(results, summary, output)
  return results
}

function checkSummary(
  results: ReadonlyMap<string, CaseResult>,
  summary: Record<string, string> | undefined,
  output: string,
): void {
  if (!summary) throw new Error(`pjdfstest did not come to its end:\n${output.slice(-2000)}`)
  const counts: Record<string, number> = { passed: 0, failed: 0, skipped: 0, total: results.size }
  for (const { outcome } of results.values()) counts[outcome]! += 1
  for (const [what, count] of Object.entries(counts)) {
    if (count !== Number(summary[what]))
      throw new Error(`${count} cases ${what} can be read where pjdfstest counts ${summary[what]}`)
  }
}
