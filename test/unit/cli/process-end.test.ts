import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { isProcessAlive } from '../../../src/base/process-state.ts'
import { untilProcessEnds } from '../../../src/cli/process-end.ts'

it('a process that ended unnoticed by its parent is not waited for', async () => {
  // The outer shell becomes a program that never asks what became of its child.
  const parent = spawn('sh', ['-c', 'sh -c "echo \\$\\$; exec cat" <&3 & exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
  })
  const [line] = (await once(parent.stdout!, 'data')) as [Buffer]
  const child = Number(line.toString())
  expect(await isProcessAlive(child)).toBe(true)
  process.kill(child, 'SIGKILL')
  await untilProcessEnds(child)
  expect(process.kill(child, 0)).toBe(true)
  parent.kill()
  await once(parent, 'exit')
})
