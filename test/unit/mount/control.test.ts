import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { EventEmitter, once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { controlClient, mountOf } from '../../../src/mount/control-client.ts'
import { ControlServer } from '../../../src/mount/control.ts'
import type { AccountClaim } from '../../../src/mount/account-claim.ts'
import { claimedAccount } from '../../fakes/claimed-account.ts'
import type { ControlMethods, Json, RunningMount } from '../../../src/mount/spec.ts'

let folder: string
let claim: AccountClaim
let control: ControlServer

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'control-')), 'run')
  claim = await claimedAccount({
    runtimeFolder: folder,
    accountId: 'cloud.example.com/anna',
    account: 'anna@example.com at cloud.example.com',
    clock: systemClock,
  })
  await claim.add('/home/anna/cloud', 0)
  control = await ControlServer.start({ socketPath: claim.socketPath, log: silentLog })
})

afterEach(async () => {
  await control.close()
  await claim.release()
  await rm(join(folder, '..'), { recursive: true })
})

function client(methods: ControlMethods) {
  control.add('/home/anna/cloud', methods)
  return controlClient('/home/anna/cloud/some/file', folder)
}

it('answers a question with its result, progress on the way', async () => {
  const asking = await client({
    count: async ({ params, progress }) => {
      progress({ done: 1 })
      progress({ done: 2 })
      return { asked: params, text: 'größe\n' }
    },
  })
  const events: Json[] = []
  expect(await asking.call('count', { to: 2 }, (event) => events.push(event))).toEqual({
    asked: { to: 2 },
    text: 'größe\n',
  })
  expect(events).toEqual([{ done: 1 }, { done: 2 }])
  asking.close()
})

it('calls of one connection run side by side', async () => {
  const gate = new EventEmitter()
  const asking = await client({
    slow: async () => {
      await once(gate, 'open')
      return 'slow'
    },
    quick: async () => 'quick',
  })
  const slow = asking.call('slow')
  expect(await asking.call('quick')).toBe('quick')
  gate.emit('open')
  expect(await slow).toBe('slow')
  asking.close()
})

it('a refusal is the sentence of the other side', async () => {
  const asking = await client({ status: () => Promise.reject(new Error('the server is stuck: restart it')) })
  await expect(asking.call('status')).rejects.toMatchObject({
    name: 'MountError',
    message: 'the server is stuck: restart it',
  })
  await expect(asking.call('nothing')).rejects.toThrow(/cannot answer "nothing"/)
  asking.close()
})

it('an asker that goes away is noticed', async () => {
  const calls = new EventEmitter()
  const signalOfCall = once(calls, 'call') as Promise<[AbortSignal]>
  const asking = await client({
    wait: async ({ signal }) => {
      calls.emit('call', signal)
      await once(signal, 'abort')
      return null
    },
  })
  const call = asking.call('wait')
  const [signal] = await signalOfCall
  asking.close()
  await expect(call).rejects.toThrow(/ended before it answered/)
  if (!signal.aborted) await once(signal, 'abort')
  expect(signal.aborted).toBe(true)
})

it('a process that ends fails the calls that wait for it, and later ones', async () => {
  const asking = await client({ wait: () => new Promise(() => undefined) })
  const call = asking.call('wait')
  const refusal = expect(call).rejects.toThrow(/ended before it answered/)
  await control.close()
  await refusal
  await expect(asking.call('wait')).rejects.toThrow(/ended before it answered/)
})

it('an answer that was given before the end still arrives', async () => {
  const asking = await client({ last: async () => 'x'.repeat(300_000) })
  const answer = asking.call('last')
  await new Promise((resolve) => setImmediate(resolve))
  const result = await Promise.all([answer, answer.then(() => control.close())])
  expect(result[0]).toHaveLength(300_000)
})

it('the socket is for its user alone', async () => {
  expect((await stat(claim.socketPath)).mode & 0o777).toBe(0o600)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
})

it.each(['nonsense\n', '{"id":"x"}\n', '[]\n', 'null\n', '{"id":1,"method":"x"}\n'])(
  'hangs up on what is no request: %j',
  async (line) => {
    const socket = connect(claim.socketPath)
    socket.on('error', () => undefined)
    socket.write(line)
    await once(socket, 'close')
    expect(socket.destroyed).toBe(true)
  },
)

it('says so when nothing of ours is mounted there', async () => {
  await expect(controlClient('/home/anna/elsewhere', folder)).rejects.toThrow(/elsewhere/)
  await expect(controlClient('/tmp', folder)).rejects.toThrow(
    '/tmp is not in a folder that cloudreve-mount serves',
  )
})

it('the innermost mount answers for a path', () => {
  const running = ['/home/anna', '/home/anna/cloud', '/srv'].map(
    (mountpoint) => ({ mountpoint }) as RunningMount,
  )
  expect(mountOf(running, '/home/anna/cloud/a/b')?.mountpoint).toBe('/home/anna/cloud')
  expect(mountOf(running, '/home/anna/cloud')?.mountpoint).toBe('/home/anna/cloud')
  expect(mountOf(running, '/home/anna/clouds')?.mountpoint).toBe('/home/anna')
  expect(mountOf(running, '/etc')).toBeUndefined()
})
