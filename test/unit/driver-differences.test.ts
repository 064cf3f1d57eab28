import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { differencesTable } from '../conformance/driver-differences.ts'

it('docs/SEMANTICS.md tells of every difference between the drivers, and of no other', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../docs/SEMANTICS.md'), 'utf8')
  const [, section = ''] = text.split('## Where the drivers differ\n')
  const table = section.split('\n').filter((line) => line.startsWith('|'))
  expect(table.join('\n')).toBe(differencesTable())
})
