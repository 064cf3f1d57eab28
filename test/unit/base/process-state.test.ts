import { expect, it } from 'vitest'
import { isProcessAlive, parseProcessStat, processState } from '../../../src/base/process-state.ts'

const stat = (name: string, state: string, flags: number) =>
  `42 (${name}) ${state} 1 42 42 0 -1 ${flags} 0 0 0 0 0 0 0 0 20 0 11 0 987654 0 0`

it('reads the start of a process, whatever its name', () => {
  expect(parseProcessStat(stat('node', 'S', 0x400000))).toEqual({ startTicks: '987654', hasEnded: false })
  expect(parseProcessStat(stat('a) Z (b', 'R', 0x400000))).toEqual({ startTicks: '987654', hasEnded: false })
})

it('knows a process that has ended, or is ending, though its parent took no notice', () => {
  expect(parseProcessStat(stat('node', 'Z', 0x40000c)).hasEnded).toBe(true)
  expect(parseProcessStat(stat('node', 'R', 0x400004)).hasEnded).toBe(true)
})

it('asks the kernel', async () => {
  expect(await processState(process.pid)).toMatchObject({ hasEnded: false })
  expect(await isProcessAlive(process.pid)).toBe(true)
  expect(await isProcessAlive(2 ** 22 + 1)).toBe(false)
})
