import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NativeHost, nativeUnavailable } from '../../harness/native-host.ts'

interface Resources {
  readonly descriptors: number
  readonly threads: number
}

describe.skipIf(nativeUnavailable() !== undefined)('the end of a channel', () => {
  it('comes with its worker, and leaves a mount that answers ENOTCONN and a process that lives', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    await host.call('notify', 'invalInode', 2, 0, 0)
    await host.run('stat', join(host.mountpoint, 'file'))
    await host.call('terminate')
    await expect(host.run('stat', host.mountpoint)).rejects.toThrow('not connected')
    await host.run('umount', '-l', host.mountpoint)
    await host.call('restart')
    await host.mount()
    await host.run('stat', join(host.mountpoint, 'file'))
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('comes with its worker under load, 6 times', async () => {
    await using host = await NativeHost.start()
    for (let round = 0; round < 6; round++) {
      await host.mount()
      const load = host
        .script(
          `const ask = () => fs.promises.stat(mountpoint + '/file').then(ask)
           for (let client = 0; client < 4; client++) ask().catch(() => process.exit(0))`,
        )
        .catch((error: Error) => error.message)
      await host.until(
        () => host.call<number[]>('takeCounts', 'lookup'),
        ([lookups]) => (lookups ?? 0) > 0,
      )
      await host.call('terminate')
      expect(await load).toBe('')
      await host.run('umount', '-l', host.mountpoint)
      await host.call('restart')
    }
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('comes with an exception of the callback, as an error of its worker', async () => {
    await using host = await NativeHost.start()
    await host.mount({ throwing: true })
    await host.run('stat', host.mountpoint).catch((error: Error) => error.message)
    // It comes by another way than the end of the program, and may come after it.
    await host.until(
      async () => host.workerErrors,
      (errors) => errors.length > 0,
    )
    expect(host.workerErrors).toEqual(['planted'])
    await host.run('umount', '-l', host.mountpoint)
    await host.call('restart')
    await host.mount()
    await host.run('stat', host.mountpoint)
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('leaves nothing behind, over 200 mounts', async () => {
    await using host = await NativeHost.start()
    await host.call('cycles', host.mountpoint, 5)
    const before = await host.call<Resources>('resources')
    expect(await host.call('cycles', host.mountpoint, 200)).toEqual([19])
    expect(await host.call<Resources>('resources')).toEqual(before)
  }, 30_000)
})
