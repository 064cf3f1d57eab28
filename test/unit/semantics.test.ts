import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const tests = resolve(import.meta.dirname, '..')
const page = readFileSync(join(tests, '../docs/SEMANTICS.md'), 'utf8')

/** `**W1**` in docs/SEMANTICS.md: a promise. */
function promisesIn(text: string): string[] {
  return [...text.matchAll(/\*\*([A-Z]\d+)\*\*/g)].map((match) => match[1]!)
}

/** Below the headings of the page: rows of tables without the first, bullets, paragraphs; each in one line. */
function blocksOf(text: string): string[] {
  const sections = text.split(/^## .*\n/m).slice(1)
  return sections.flatMap((section) =>
    section
      .replaceAll(/^\|.*\n\|( --- \|)+\n/gm, '\n')
      .replaceAll(/\n(?![-|\n])\s*/g, ' ')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  )
}

/** Where somebody could add a promise without a label. Lines that end with a colon promise what follows them. */
function withoutLabel(text: string): string[] {
  return blocksOf(text).filter((block) => promisesIn(block).length === 0 && !block.endsWith(':'))
}

interface Naming {
  /** Labels in titles of tests that run. */
  titles: string[]
  /** Labels elsewhere: in a comment, the name of a group, or a test that is switched off. */
  elsewhere: string[]
}

/** `[W1]` in the source of tests, where `it`, `itNeeds` of the conformance suites, and `it.each(…)` give a title. */
function namedIn(source: string): Naming {
  const titles: string[] = []
  const code = source.replaceAll(/^\s*(?:\/\/|\/?\*).*/gm, (comment) => comment.replaceAll(/['"`]/g, ''))
  const title = /(?:\bit\(|\bitNeeds\(\s*\[[^\]]*\],|\)\()\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1\s*,/g
  const rest = code.replaceAll(title, (_, quote: string, words: string) => {
    titles.push(...labelsIn(words))
    return quote
  })
  return { titles, elsewhere: labelsIn(rest) }
}

function labelsIn(text: string): string[] {
  return [...text.matchAll(/\[([A-Z]\d+)\]/g)].map((match) => match[1]!)
}

function repeated(labels: readonly string[]): string[] {
  return labels.filter((label, i) => labels.indexOf(label) !== i)
}

describe('the reader of the page', () => {
  const small = [
    '# Title\n\nWhat this is.\n\n## A\n\n| after | then |\n| --- | --- |\n| **A1** one | x |\n| two | **A2** y |\n| three | z |\n',
    '- **A3** a bullet\n  of two lines\n- another\n  one\n\nA paragraph\nof two lines.\n\n## B\n\nIt follows:\n\n- **A1** again\n',
  ].join('\n')

  it('finds what has no label', () => {
    expect(withoutLabel(small)).toEqual(['| three | z |', '- another one', 'A paragraph of two lines.'])
  })

  it('finds labels, and those that stand there twice', () => {
    expect(promisesIn(small)).toEqual(['A1', 'A2', 'A3', 'A1'])
    expect(repeated(promisesIn(small))).toEqual(['A1'])
  })
})

describe('the reader of tests', () => {
  it.each([
    ["it('does it [A1]', () => {})", ['A1'], []],
    ['it(\n  "does it `here` [A1][A2]",\n  async () => {})', ['A1', 'A2'], []],
    ["itNeeds(['links'], 'does it [A1]', run)", ['A1'], []],
    ["it.each([[1, 'x']])('%s it\\'s [A1]', () => {})", ['A1'], []],
    ["it.skip('does it [A1]', () => {})", [], ['A1']],
    ["describe('a thing [A1]', () => { it('is one', () => {}) })", [], ['A1']],
    ["  // it('does it [A1]', () => {})", [], ['A1']],
    ["/** As [A1] says. */\nit('does it', () => {})", [], ['A1']],
  ])('takes of %j the titles %j, and %j elsewhere', (source, titles, elsewhere) => {
    expect(namedIn(source)).toEqual({ titles, elsewhere })
  })
})

describe('docs/SEMANTICS.md', () => {
  const promised = promisesIn(page)
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== relative(tests, import.meta.filename))
    .map((name) => ({ name, ...namedIn(readFileSync(join(tests, name), 'utf8')) }))
  const named = new Set(files.flatMap(({ titles }) => titles))

  it('gives each promise a label of its own', () => {
    expect(withoutLabel(page)).toEqual([])
    expect(repeated(promised)).toEqual([])
  })

  it('promises nothing without a test that names it', () => {
    expect(promised.filter((label) => !named.has(label))).toEqual([])
  })

  it('has every promise that a test names', () => {
    expect([...named].filter((label) => !promised.includes(label))).toEqual([])
  })

  it('is named in titles of tests that run, and nowhere else', () => {
    const elsewhere = files.flatMap((file) => file.elsewhere.map((label) => `${file.name}: [${label}]`))
    expect(elsewhere).toEqual([])
  })
})
