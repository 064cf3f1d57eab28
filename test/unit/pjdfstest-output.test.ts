import { describe, expect, it } from 'vitest'
import { parseOutput } from '../posix/pjdfstest-output.ts'

const lines = [
  'unlink::remove_type::regular                                                  ok',
  'utimensat::order                                                          FAILED',
  '\tassertion `left == right` failed',
  '  left: 2',
  ' right: 3',
  'link::link_count_max                                                     skipped',
  '\tCannot get value for LINK_MAX',
  '',
  'Summary: 1 failed, 1 skipped, 1 passed, 0 expected failures, 3 total',
  'Error: Some tests have failed',
]

describe('what pjdfstest prints', () => {
  it('is read case by case, with all lines that belong to it', () => {
    const results = parseOutput(lines.join('\n'))
    expect([...results.keys()]).toEqual([
      'unlink::remove_type::regular',
      'utimensat::order',
      'link::link_count_max',
    ])
    expect(results.get('unlink::remove_type::regular')).toEqual({ outcome: 'passed', said: '' })
    expect(results.get('utimensat::order')).toEqual({
      outcome: 'failed',
      said: 'assertion `left == right` failed left: 2 right: 3',
    })
    expect(results.get('link::link_count_max')?.outcome).toBe('skipped')
  })

  it('is refused when the suite died before its summary', () => {
    expect(() => parseOutput(lines.slice(0, 6).join('\n'))).toThrow('did not come to its end')
  })

  it('is refused when a case cannot be read', () => {
    const changed = lines.map((line) => line.replace('FAILED', 'FAILED!'))
    expect(() => parseOutput(changed.join('\n'))).toThrow(
      '0 cases failed can be read where pjdfstest counts 1',
    )
  })

  it('is refused when a case is told of twice', () => {
    expect(() => parseOutput([lines[0], ...lines].join('\n'))).toThrow('twice')
  })
})
