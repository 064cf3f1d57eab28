/** The process that is killed: a drive over the server, with hooks in front of its local disk. `build.ts` makes one file of it. */
import { readFileSync } from 'node:fs'
import { passwordSession } from '../../src/auth/session.ts'
import { systemClock } from '../../src/base/clock.ts'
import { nodeFileLayer } from '../../src/base/file-layer.ts'
import type { Log } from '../../src/base/log.ts'
import { createDrive, type Drive } from '../../src/core/index.ts'
import type { FileSystem } from '../../src/core/ports.ts'
import { NativeDriver } from '../../src/fuse/native/driver.ts'
import { connectCloudreve } from '../../src/remote/cloudreve/index.ts'
import { CoreEngine } from '../conformance/engines/core.ts'
import { Hands } from './hands.ts'
import { HookedLayer, type Places } from './hooked-layer.ts'
import type { FromChild, Method, Setup, ToChild } from './protocol.ts'

// The stack of each step on the local disk is looked at: a few frames are enough.
Error.stackTraceLimit = 8

const log: Log = {
  debug: () => undefined,
  info: (message, fields) => tell('info', message, fields),
  warn: (message, fields) => tell('warn', message, fields),
  error: (message, fields) => tell('error', message, fields),
}

function tell(level: string, message: string, fields: object = {}): void {
  process.stderr.write(`${level} ${message} ${JSON.stringify(fields, errorsAsText)}\n`)
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? String(value)) : value
}

async function openDrive(setup: Setup): Promise<Drive> {
  const { url: origin, email, password, quietMs, renameDelayMs, settleMs, patienceMs } = setup
  const clock = systemClock
  const { tokenSource, serverClock } = await passwordSession(origin, { email, password }, { clock, log })
  const remote = await connectCloudreve({
    origin,
    tokenSource,
    serverClock,
    rootUri: 'cloudreve://my',
    clock,
    log,
  })
  return createDrive({
    remote,
    stateFolder: setup.stateFolder,
    clock,
    log,
    hostName: 'here',
    patience: { deadlineMs: patienceMs, lockDeadlineMs: patienceMs },
    settings: { quietMs, renameDelayMs, settleMs },
    inlineLimits: setup.inlineLimits,
    fileLayer: new HookedLayer(nodeFileLayer, setup.hooks, places()),
  })
}

function places(): Places {
  return JSON.parse(readFileSync(new URL('places.json', import.meta.url), 'utf8')) as Places
}

async function mount(fileSystem: FileSystem, mountpoint: string): Promise<() => Promise<void>> {
  const driver = new NativeDriver({ clock: systemClock, log, spinUs: 0 })
  const options = { readOnly: false, allowOther: false, sourceName: 'crash', entryTtlMs: 0, attrTtlMs: 0 }
  const mounted = await driver.mount(fileSystem, { ...options, mountpoint })
  return async () => {
    await mounted.unmount()
    await mounted.closed
  }
}

async function start(setup: Setup): Promise<void> {
  const drive = await openDrive(setup)
  const { fileSystem } = drive
  const unmount = setup.mountpoint === undefined ? undefined : await mount(fileSystem, setup.mountpoint)
  const hands = new Hands(
    new CoreEngine(
      'core',
      { fileSystem, can: {} as never, semantics: {} as never, settle: nothing, close: nothing },
      { names: 'drop', truncate: 'atomic', readdirPlus: true },
    ),
  )
  const methods: Record<Method, (params: never) => Promise<unknown>> = {
    perform: (operation) => hands.perform(operation),
    look: () => hands.look(),
    pending: async () => drive.top.pending(),
    drain: async () => {
      await drive.drain()
      return drive.top.pending()
    },
    lost: async () => drive.writeBack.lostAndFound.map(({ storedAt }) => storedAt),
    close: async () => {
      await hands.closeAll()
      await unmount?.()
      await drive.close()
      return null
    },
  }
  process.on('message', (message: ToChild) => {
    if (message.kind === 'call') void answer(message, methods[message.method])
  })
  send({ kind: 'ready' })
}

async function answer(
  { id, params }: Extract<ToChild, { kind: 'call' }>,
  method: (params: never) => Promise<unknown>,
): Promise<void> {
  try {
    send({ kind: 'answer', id, result: await method(params as never) })
  } catch (error) {
    send({ kind: 'defect', id, reason: error instanceof Error ? (error.stack ?? '') : String(error) })
  }
}

function send(message: FromChild): void {
  process.send?.(message)
}

async function nothing(): Promise<void> {}

process.once('message', (message: ToChild) => {
  if (message.kind !== 'start') throw new Error('the first message says what to start')
  start(message.setup).catch((error: unknown) => {
    tell('error', 'the drive does not open', { error })
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
