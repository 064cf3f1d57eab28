import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NativeHost, nativeUnavailable } from '../harness/native-host.ts'

/** A program that looks up `count` names which are kept unanswered, and ends when all are answered. */
function lookUpHeld(host: NativeHost, count: number): Promise<string> {
  return host.script(
    `
      const absent = Array.from({ length: ${count} }, (_, at) => fs.promises.stat(mountpoint + '/held-' + at).catch((error) => error.code))
      Promise.all(absent).then((codes) => process.stdout.write(codes.filter((code) => code === 'ENOENT').length + ' absent'))
    `,
    count + 4,
  )
}

const heldCount = (host: NativeHost, count: number) =>
  host.until(
    () => host.call<number>('heldCount'),
    (held) => held === count,
  )

describe.skipIf(nativeUnavailable() !== undefined)('requests that the addon is told to keep', () => {
  it('do not stop others, 64 of them, and keep their bytes', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    const program = lookUpHeld(host, 64)
    await heldCount(host, 64)
    expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
    expect(await host.call('answerHeld')).toBe(64)
    expect(await program).toBe('64 absent')
    expect(await host.call('replyErrors')).toEqual([])
  })

  it('stop the reading when they hold every buffer, without burning the processor, until one is released', async () => {
    await using host = await NativeHost.start()
    await host.mount({ slots: 4 })
    const program = lookUpHeld(host, 12)
    await heldCount(host, 4)
    await host.call('takeUtilization')
    // Real time on purpose: what is measured is what the thread does with it.
    await host.run('sleep', '0.2')
    expect(await host.call('takeUtilization')).toBeLessThan(0.5)
    expect(await host.call('heldCount')).toBe(4)
    let answered = 0
    while (answered < 12) answered += await host.call<number>('answerHeld')
    expect(await program).toBe('12 absent')
    expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
  })

  it('are refused a second release', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    await expect(host.call('releaseTwice')).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })

  it('cannot be kept when none is being handed over', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    await host.run('stat', join(host.mountpoint, 'file'))
    await expect(host.call('keepNothing')).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })

  it('fail when the channel is closed', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    const program = host.script(
      `fs.promises.stat(mountpoint + '/held-0').catch((error) => process.stdout.write(error.code))`,
    )
    await heldCount(host, 1)
    await host.call('close')
    expect(await program).toMatch(/^(ECONNABORTED|ENOTCONN)$/)
    expect(await host.call('answerHeld')).toBe(1)
    expect(await host.call('replyErrors')).toEqual([19])
  })

  it('may go on after a program that waited for one was killed', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    const program = spawn('stat', [join(host.mountpoint, 'held-0')], { stdio: 'ignore' })
    await heldCount(host, 1)
    program.kill('SIGKILL')
    await host.until(
      () => host.call<number[]>('takeCounts', 'interrupt'),
      ([interrupts]) => interrupts === 1,
    )
    await host.call('answerHeld')
    expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
  })

  it('may have their memory taken away by a careless program without harm to others', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    await host.run('stat', join(host.mountpoint, 'file'))
    expect(await host.call('transferLastRequest')).toBe(0)
    expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
  })
})
