import { expect, it } from 'vitest'
import { StopRequests } from '../../../src/mount/stop-requests.ts'

it('the first signal asks to end, the second to hurry, the third is the kernel`s again', () => {
  const before = process.listenerCount('SIGHUP')
  const stops = new StopRequests()
  stops.listenToProcess()
  expect([stops.stop.aborted, stops.hurry.aborted]).toEqual([false, false])
  process.emit('SIGHUP')
  expect([stops.stop.aborted, stops.hurry.aborted]).toEqual([true, false])
  expect(process.listenerCount('SIGHUP')).toBe(before + 1)
  process.emit('SIGHUP')
  expect([stops.stop.aborted, stops.hurry.aborted]).toEqual([true, true])
  expect(process.listenerCount('SIGHUP')).toBe(before)
})

it('gives the signals back', () => {
  const before = process.listenerCount('SIGHUP')
  new StopRequests().listenToProcess()()
  expect(process.listenerCount('SIGHUP')).toBe(before)
})
