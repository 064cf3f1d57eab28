import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { NativeHost, nativeUnavailable } from '../harness/native-host.ts'

interface Counts {
  readonly sent: number
  readonly unknown: number
  readonly failed: number
  readonly waiting: number
}

const keepCache = 1 << 1

const settled = (host: NativeHost) =>
  host.until(
    () => host.call<Counts>('notifications'),
    ({ waiting }) => waiting === 0,
  )

async function trustingHost(): Promise<NativeHost> {
  const host = await NativeHost.start()
  await host.mount({ ttlSeconds: 3600, openFlags: keepCache })
  return host
}

/** A program that waits in a read of `slow`, whose page the kernel has locked until then. */
async function readSlow(host: NativeHost) {
  const program = spawn('head', ['-c', '4', join(host.mountpoint, 'slow')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = text(program.stdout)
  await host.until(
    () => host.call<number>('heldCount'),
    (held) => held > 0,
  )
  return { ended, program }
}

/** Sends a notification that waits in the kernel for the answer to a read, where no signal reaches its thread. */
async function hangNotifier(host: NativeHost): Promise<void> {
  await host.call('notify', 'invalInode', 3, 0, 0)
  await host.until(
    () => threadStates(host.process.pid ?? 0),
    (states) => states.includes('D'),
  )
}

/** proc_pid_stat(5): the state follows the name in parentheses. */
async function threadStates(pid: number): Promise<string[]> {
  const ids = await readdir(`/proc/${pid}/task`)
  const lines = await Promise.allSettled(ids.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8')))
  return lines.map((line) => (line.status === 'fulfilled' ? line.value.split(') ')[1]![0]! : 'gone'))
}

describe.skipIf(nativeUnavailable() !== undefined)('the notifying thread', () => {
  it('makes the kernel forget a name', async () => {
    await using host = await trustingHost()
    const file = join(host.mountpoint, 'file')
    await host.run('stat', file)
    await host.call('takeCounts')
    await host.run('stat', file)
    expect(await host.call('takeCounts', 'lookup')).toEqual([0])
    await host.call('notify', 'invalEntry', 1, 'file')
    await host.call('notify', 'invalEntry', 1, 'never-seen')
    expect(await settled(host)).toMatchObject({ sent: 1, unknown: 1, failed: 0 })
    await host.run('stat', file)
    expect(await host.call('takeCounts', 'lookup')).toEqual([1])
  })

  it('makes the kernel forget attributes and bytes', async () => {
    await using host = await trustingHost()
    const file = join(host.mountpoint, 'file')
    // Reading makes the kernel doubt the time of the last access, so attributes are asked for once more.
    await host.run('cat', file)
    await host.run('cat', file)
    await host.run('stat', file)
    await host.call('takeCounts')
    await host.run('stat', file)
    await host.run('cat', file)
    expect(await host.call('takeCounts', 'read', 'getattr')).toEqual([0, 0])
    await host.call('notify', 'invalInode', 2, 0, 0)
    expect(await settled(host)).toMatchObject({ sent: 1, failed: 0 })
    await host.run('cat', file)
    const [reads, attributes] = await host.call<[number, number]>('takeCounts', 'read', 'getattr')
    expect(reads).toBeGreaterThan(0)
    expect(attributes).toBeGreaterThan(0)
  })

  it('hands the kernel bytes that nobody has to read any more', async () => {
    await using host = await trustingHost()
    const file = join(host.mountpoint, 'file')
    await host.run('stat', file)
    await host.call('notify', 'store', 2, 0, 'stored! ', 16_384)
    expect(await settled(host)).toMatchObject({ sent: 1, failed: 0 })
    await host.call('takeCounts')
    expect(await host.run('head', '-c', '16', file)).toBe('stored! stored! ')
    expect(await host.call('takeCounts', 'read')).toEqual([0])
  })

  it('counts what the kernel refuses', async () => {
    await using host = await trustingHost()
    await host.call('notify', 'invalEntry', 1, 'x'.repeat(5000))
    expect(await settled(host)).toMatchObject({ sent: 0, unknown: 0, failed: 1 })
  })

  it('waits for the answer to a read without holding up who answers [M2]', async () => {
    await using host = await trustingHost()
    const { ended } = await readSlow(host)
    await hangNotifier(host)
    expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
    expect(await host.call('notifications')).toMatchObject({ sent: 0, waiting: 1 })
    await host.call('stopHolding')
    expect(await ended).toBe('null')
    expect(await settled(host)).toMatchObject({ sent: 1 })
  })

  it('is told once of what it has not begun to tell', async () => {
    await using host = await trustingHost()
    const { ended } = await readSlow(host)
    await hangNotifier(host)
    for (let i = 0; i < 5; i += 1) await host.call('notify', 'invalInode', 3, 0, 0)
    expect(await host.call('notifications')).toMatchObject({ waiting: 2 })
    await host.call('notify', 'invalInode', 2, 0, 0)
    await host.call('notify', 'invalInode', 3, 0, 0)
    expect(await host.call('notifications')).toMatchObject({ waiting: 4 })
    await host.call('stopHolding')
    expect(await ended).toBe('null')
    await settled(host)
  })

  it('takes no more than it may hold while it hangs, says so, and has sent all that it took in the end', async () => {
    await using host = await trustingHost()
    const { ended } = await readSlow(host)
    await hangNotifier(host)
    const taken = await host.call<number>('notifyMany', 5000)
    // One is being written.
    expect(await host.call('notifications')).toMatchObject({ waiting: 1024, failed: 0 })
    expect(taken).toBe(1023)
    expect(await host.call('notify', 'invalInode', 2, 0, 0)).toBe(false)
    await host.call('stopHolding')
    expect(await ended).toBe('null')
    // The kernel knows nothing of most of these nodes.
    expect(await settled(host)).toMatchObject({ sent: 1, unknown: 1023, failed: 0 })
    expect(await host.call('notify', 'invalInode', 2, 0, 0)).toBe(true)
  })

  it('takes one of any length, but not many that are long', async () => {
    await using host = await trustingHost()
    await host.run('stat', join(host.mountpoint, 'file'))
    const { ended } = await readSlow(host)
    await hangNotifier(host)
    const store = (offset: number) => host.call('notify', 'store', 2, offset, 'stored! ', 65_536)
    expect(await store(0)).toBe(true)
    expect(await store(524_288)).toBe(true)
    expect(await store(0)).toBe(false)
    await host.call('stopHolding')
    expect(await ended).toBe('null')
    expect(await settled(host)).toMatchObject({ sent: 3, failed: 0 })
  })

  it('is joined by close though it hangs in the kernel', async () => {
    await using host = await trustingHost()
    const { threads } = await host.call<{ threads: number }>('resources')
    const { ended } = await readSlow(host)
    await hangNotifier(host)
    await host.call('notify', 'invalInode', 3, 0, 0)
    await host.call('close')
    expect(await ended).toBe('')
    expect((await host.call<{ threads: number }>('resources')).threads).toBe(threads)
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('does not hold up the end of its worker though it hangs in the kernel', async () => {
    await using host = await trustingHost()
    const { ended } = await readSlow(host)
    await hangNotifier(host)
    await host.call('terminate')
    expect(await ended).toBe('')
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('lets its killed process go once the programs that wait are gone too', async () => {
    await using host = await trustingHost()
    const { ended, program } = await readSlow(host)
    await hangNotifier(host)
    host.process.kill('SIGKILL')
    // Killable before its process is gone: the kernel has let go of what was asked of it.
    program.kill('SIGKILL')
    expect(await ended).toBe('')
    expect(await host.ended()).toEqual({ status: null, signal: 'SIGKILL' })
  })
})
