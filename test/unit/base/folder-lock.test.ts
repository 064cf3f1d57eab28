import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderInUseError, lockFolder } from '../../../src/base/folder-lock.ts'
import { eventually } from '../../fakes/eventually.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

function heldBy(holder: { readonly pid: number | undefined; readonly startTicks: string | undefined }) {
  return writeFile(join(folder, 'lock'), JSON.stringify(holder))
}

describe('a locked folder', () => {
  it('belongs to one process', async () => {
    const unlock = await lockFolder(folder)
    await expect(lockFolder(folder)).rejects.toThrow(FolderInUseError)
    await unlock()
    await lockFolder(folder)
  })

  it('is refused while another living process has it, and taken over when that is gone', async () => {
    const other = spawn('sleep', ['60'])
    await once(other, 'spawn')
    const stat = execFileSync('cat', [`/proc/${other.pid}/stat`], { encoding: 'utf8' })
    await heldBy({ pid: other.pid, startTicks: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] })
    await expect(lockFolder(folder)).rejects.toThrow(`process ${other.pid}`)
    other.kill('SIGKILL')
    await once(other, 'exit')
    await lockFolder(folder)
  })

  it('is taken over from a killed process that its parent has not taken notice of', async () => {
    // The shell becomes a program that knows nothing of the child it inherits, and never waits for it.
    const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 >/dev/null & echo $!; exec sleep 60'])
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(String(line))
    const statOf = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    // A child that ended before would have been taken notice of by the shell.
    await eventually(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n')
    parent.stdin.end()
    await eventually(() => statOf()[0] === 'Z')
    await heldBy({ pid, startTicks: statOf()[19] })
    await lockFolder(folder)
    parent.kill('SIGKILL')
    await once(parent, 'exit')
  })

  it('is taken over from a process whose number another one has now', async () => {
    await heldBy({ pid: process.pid, startTicks: '1' })
    await lockFolder(folder)
  })
})
