import { join } from 'node:path'
import { noKernelCache } from '../../src/core/ports.ts'
import type { DriverOptions, FuseDriver } from '../../src/fuse/driver.ts'
import type { Compose, DrainResult } from '../../src/mount/composition.ts'
import { hostHere } from '../../src/mount/host/host-here.ts'
import { listRunning } from '../../src/mount/registry.ts'
import { serveMount } from '../../src/mount/serve-mount.ts'
import type { Json, MountSpec } from '../../src/mount/spec.ts'
import { StopRequests } from '../../src/mount/stop-requests.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryFileSystem } from './memory-file-system.ts'
import { recordingLog } from './recording-log.ts'

export const nothingLeft: DrainResult = { left: 0, reason: '' }

/** A mount whose driver, uploads and stop requests are moved by hand. */
export class ServingStage {
  readonly clock = new ManualClock()
  readonly log = recordingLog()
  readonly stops = new StopRequests()
  readonly events: string[] = []
  readonly drained: Json[] = []
  notes: string[] = []
  readonly spec: MountSpec
  mountFailure: Error | undefined
  unmountFailure: Error | undefined
  onMount: () => Promise<void> = async () => undefined
  onUnmount: () => Promise<void> = async () => undefined
  close: () => void = () => undefined
  finishDrain: (result: DrainResult) => void = () => undefined
  tellDrain: (event: Json) => void = () => undefined
  #tellReady: () => void = () => undefined
  readonly ready = new Promise<void>((resolve) => (this.#tellReady = resolve))
  #tellDraining: () => void = () => undefined
  readonly draining = new Promise<void>((resolve) => (this.#tellDraining = resolve))

  constructor(parent: string) {
    this.spec = {
      mountpoint: '/nowhere/cloud',
      accountKey: 'anna',
      rootUri: 'cloudreve://my',
      readOnly: true,
      options: {},
      config: null,
      stateFolder: join(parent, 'state'),
      cacheFolder: join(parent, 'cache'),
      runtimeFolder: join(parent, 'run'),
      logFile: join(parent, 'log'),
      verbose: false,
    }
  }

  readonly driver: FuseDriver = {
    name: 'libfuse2',
    kernelCache: noKernelCache,
    capabilities: { times: false, notifications: false, readdirPlus: false, interrupts: false, flush: false },
    mount: async (_fileSystem, { mountpoint, readOnly }: DriverOptions) => {
      if (this.mountFailure) throw this.mountFailure
      await this.onMount()
      this.events.push(`mount ${mountpoint} ${readOnly ? 'read-only' : ''}`)
      return {
        mountpoint,
        closed: new Promise<void>((resolve) => (this.close = resolve)),
        unmount: async () => {
          this.events.push('unmount')
          await this.onUnmount()
          if (this.unmountFailure) throw this.unmountFailure
        },
      }
    },
  }

  serve(isForeground = true): Promise<number> {
    const { clock, log, stops } = this
    return serveMount(this.spec, {
      clock,
      log,
      stops,
      isForeground,
      host: (spec) => hostHere(spec, { compose: this.compose, clock, log }),
      onNote: (sentence) => this.events.push(sentence),
      onReady: () => this.#tellReady(),
      onDrain: (event) => this.drained.push(event),
    })
  }

  readonly compose: Compose = async () => {
    const { driver, events } = this
    return {
      accountId: 'cloud.example.com/anna',
      account: 'anna',
      mount: async () => ({
        fileSystem: new MemoryFileSystem(),
        driver,
        driverOptions: { allowOther: false, sourceName: 'x', entryTtlMs: 0, attrTtlMs: 0 },
        notes: this.notes,
        methods: { status: async () => ({ uploads: [] }) },
        drain: (onProgress, signal) => {
          events.push('drain')
          this.tellDrain = onProgress
          this.#tellDraining()
          return new Promise((resolve) => {
            this.finishDrain = resolve
            const giveUp = () => resolve({ left: 3, reason: 'in a hurry' })
            if (signal.aborted) giveUp()
            else signal.addEventListener('abort', giveUp)
          })
        },
        close: async () => void events.push('close'),
      }),
      close: async () => void events.push('sign off'),
    }
  }

  async state(): Promise<string | undefined> {
    return (await listRunning(this.spec.runtimeFolder))[0]?.state
  }
}
