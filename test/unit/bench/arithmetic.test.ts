import { describe, expect, it } from 'vitest'
import { ratioOf, speedOf } from '../../../bench/driver/measure.ts'
import { parseRounds, quartiles, range, ratiosOf } from '../../../bench/quartiles.ts'

describe('quartiles', () => {
  it('are values in the middle and halfway to both ends', () => {
    expect(quartiles([5, 1, 3, 2, 4])).toEqual({ lower: 2, median: 3, upper: 4 })
  })

  it('lie between two values where none is in the middle', () => {
    expect(quartiles([4, 1, 2, 3])).toEqual({ lower: 1.75, median: 2.5, upper: 3.25 })
  })

  it('are all the same of a single value', () => {
    expect(quartiles([7])).toEqual({ lower: 7, median: 7, upper: 7 })
  })

  it('of ratios compare what was measured in the same round', () => {
    expect(ratiosOf([2, 20, 3], [1, 10, 1]).median).toBe(2)
  })

  it('are shown behind the median', () => {
    expect(range({ lower: 1, median: 2.345, upper: 3 }, 2)).toBe('2.35 [1.00 … 3.00]')
  })
})

describe('speeds and their ratios', () => {
  const speeds = new Map([
    ['native' as const, [100, 300]],
    ['libfuse3' as const, [200, 200]],
  ])
  const comparison = { name: 'x', of: 'native', against: 'libfuse3', higher: true } as const

  it('come from what the load generator prints', () => {
    expect(speedOf('1000 0.500000000\n')).toBe(2000)
    expect(() => speedOf('')).toThrow('the load generator printed')
  })

  it('are compared round by round', () => {
    expect(ratioOf(comparison, speeds)[0]?.ratio.median).toBe(1)
  })

  it('are compared as times where less is better', () => {
    const [measured] = ratioOf({ ...comparison, higher: false }, speeds)
    expect(measured?.ratio.upper).toBe(1.6666666666666665)
  })

  it('are not compared with what was not measured', () => {
    expect(ratioOf({ ...comparison, against: 'core' }, speeds)).toEqual([])
  })

  it('need a number of rounds', () => {
    expect(parseRounds('9')).toBe(9)
    expect(() => parseRounds('0')).toThrow('at least 1')
  })
})
