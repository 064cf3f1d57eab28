import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { serverOptions } from '../../../src/cli/commands/server.ts'
import { endProcess, untilProcessEnds } from '../../../src/cli/process-end.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { listenForStop, untilAborted } from '../../../src/cli/stop-signals.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

describe('server', () => {
  it('leaves to the server what nobody asked for', () => {
    expect(serverOptions({ seed: 'demo' })).toEqual({ seed: 'demo' })
  })

  it('passes durations in ms and sizes in bytes', () => {
    const program = buildProgram(new FakeCli().context)
    const command = program.commands.find((found) => found.name() === 'server')!
    const words = [
      '--port',
      '0',
      '--pro',
      '--rtt',
      '20ms',
      '--bandwidth',
      '10MiB',
      '--access-token-ttl',
      '1m',
    ]
    command.parseOptions([...words, '--url-ttl', '30s', '--data', '/data', '--seed', 'empty'])
    expect(serverOptions(command.opts())).toEqual({
      seed: 'empty',
      port: 0,
      pro: true,
      rttMs: 20,
      bandwidthBytesPerSecond: 10 * 1024 ** 2,
      accessTokenTtlMs: 60_000,
      urlTtlMs: 30_000,
      contentFolder: '/data',
    })
  })

  it('refuses a port that is none', () => {
    const program = buildProgram(new FakeCli().context)
    const command = program.commands.find((found) => found.name() === 'server')!
    expect(() => command.parseOptions(['--port', '70000'])).toThrow('It must be a port')
  })
})

describe('stopping', () => {
  it('counts signals, and gives them back', async () => {
    const process = new EventEmitter()
    const { first, second, release } = listenForStop(process)
    process.emit('SIGTERM', 'SIGTERM')
    await untilAborted(first)
    expect(second.aborted).toBe(false)
    process.emit('SIGINT', 'SIGINT')
    await untilAborted(second)
    release()
    expect(process.listenerCount('SIGINT') + process.listenerCount('SIGHUP')).toBe(0)
  })

  it('waits for a process to end, and does not mind one that is gone', async () => {
    const child = spawn('sleep', ['60'])
    const pid = child.pid!
    await endProcess(pid, new AbortController().signal)
    expect(child.signalCode ?? child.exitCode).not.toBeNull()
    await untilProcessEnds(pid)
    await endProcess(pid, new AbortController().signal)
  })
})
