import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NativeHost, nativeUnavailable } from '../harness/native-host.ts'

const aSecondUs = 1_000_000

async function spinsAfterWork(host: NativeHost): Promise<number> {
  await host.script(`for (let i = 0; i < 10; i += 1) fs.statSync(mountpoint + '/file')`)
  return host.call<number>('spins')
}

describe.skipIf(nativeUnavailable() !== undefined)('asking again instead of sleeping', () => {
  it('does not happen when the option says so', async () => {
    await using host = await NativeHost.start()
    await host.mount({ spinUs: 0 })
    expect(await spinsAfterWork(host)).toBe(0)
  })

  it('does not happen on one processor, whatever the option says', async () => {
    await using host = await NativeHost.startOnOneProcessor()
    await host.mount({ spinUs: aSecondUs })
    expect(await spinsAfterWork(host)).toBe(0)
  })

  it.skipIf(availableParallelism() === 1)(
    'happens after a request otherwise, and ends although it might last longer than a turn',
    async () => {
      await using host = await NativeHost.start()
      await host.mount({ spinUs: aSecondUs })
      // On a machine that is busy a turn may be over before.
      await host.until(
        () => spinsAfterWork(host),
        (spins) => spins > 0,
      )
      // Other work of the thread goes on, and with no further request it does not ask again.
      await host.until(
        async () => [await host.call<number>('spins'), await host.call<number>('spins')],
        ([before, after]) => before === after,
      )
      expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
    },
  )
})
