import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { cutConnection } from '../../src/fuse/cut-connection.ts'
import { recoverMountpoint } from '../../src/mount/recover-mountpoint.ts'
import { describeDrivers } from '../e2e/each-driver.ts'
import { codeOf, run, Served, whyNoFuse } from './libfuse2/served.ts'

const reason = await whyNoFuse()

/** Of a mount that no process is known to serve; a folder that says nothing is given 100 ms. */
const unserved = {
  log: silentLog,
  clock: { ...systemClock, after: (delayMs: number, fn: () => void) => systemClock.after(delayMs / 50, fn) },
  isServed: async () => false,
}

/** What a process that was killed or hangs leaves behind, and how the next start clears it away. */
describeDrivers('a dead mount', reason, (driver) => {
  const begun: Served[] = []
  /** One after the other: they had the same folder. */
  afterEach(async () => {
    for (const served of begun.splice(0).reverse()) await served.end()
  })

  const start = (mountpoint: string) => Served.start(driver, mountpoint)
  async function begin(mountpoint?: string): Promise<Served> {
    const served = await Served.start(driver, mountpoint)
    begun.push(served)
    return served
  }

  it('after kill -9 the next start clears the dead mount away and mounts', async () => {
    const first = await begin()
    await first.kill()
    await expect(fs.stat(first.mountpoint)).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTCONN|ECONNABORTED)$/),
    })
    await expect(start(first.mountpoint)).rejects.toThrow(/something is mounted/)
    expect(await recoverMountpoint(first.mountpoint, unserved)).toBe(true)
    const second = await begin(first.mountpoint)
    await fs.writeFile(second.path('a'), 'x')
    expect(await fs.readdir(second.mountpoint)).toEqual(['a'])
  })

  /** Clears away a mount that nobody answers, and tells what becomes of a program that waits for it. */
  async function clearSilent(controls: string): Promise<string | undefined> {
    const first = await begin()
    first.stop()
    const waiting = codeOf(fs.stat(first.path('missing')))
    const parts = { ...unserved, cut: (device: string) => cutConnection(device, controls) }
    // As long as the kernel remembers its attributes, the folder seems alive.
    await expect.poll(() => recoverMountpoint(first.mountpoint, parts), { timeout: 20_000 }).toBe(true)
    const code = await waiting
    const second = await begin(first.mountpoint)
    expect(await fs.readdir(second.mountpoint)).toEqual([])
    return code
  }

  it('a mount that nobody answers is cut and cleared away: who waits for it goes on', async () => {
    const controls = await fs.mkdtemp(join(tmpdir(), 'fusectl-'))
    await run('mount', ['-t', 'fusectl', 'none', controls])
    try {
      expect(await clearSilent(controls)).toMatch(/^(ENOTCONN|ECONNABORTED)$/)
    } finally {
      await run('umount', [controls])
      await fs.rmdir(controls)
    }
  })

  it('it is also where the control files of the kernel are not mounted, as in a container', async () => {
    const controls = await fs.mkdtemp(join(tmpdir(), 'no-fusectl-'))
    try {
      expect(await clearSilent(controls)).toMatch(/^(ENOTCONN|ECONNABORTED)$/)
    } finally {
      await fs.rmdir(controls)
    }
  })
})
