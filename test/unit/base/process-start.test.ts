import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { processStartTicks } from '../../../src/base/process-start.ts'
import { untilProcessEnds } from '../../../src/cli/process-end.ts'

it('a running process has a start, which stays the same', async () => {
  const start = await processStartTicks(process.pid)
  expect(start).toMatch(/^\d+$/)
  expect(await processStartTicks(process.pid)).toBe(start)
})

it('a process that never was has none', async () => {
  expect(await processStartTicks(2 ** 22 + 1)).toBeUndefined()
})

it('a process that ended unnoticed by its parent has none, and is not waited for', async () => {
  // The outer shell becomes a program that never asks what became of its child.
  const parent = spawn('sh', ['-c', 'sh -c "echo \\$\\$; exec cat" <&3 & exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
  })
  const [line] = (await once(parent.stdout!, 'data')) as [Buffer]
  const child = Number(line.toString())
  expect(await processStartTicks(child)).toMatch(/^\d+$/)
  process.kill(child, 'SIGKILL')
  await untilProcessEnds(child)
  expect(process.kill(child, 0)).toBe(true)
  parent.kill()
  await once(parent, 'exit')
})
