import { readSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { Gate } from '../../../fakes/call-script.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { WriteBench, type FakeFile } from '../../../fakes/write-bench.ts'

const maxSize = 64

type Step =
  | { op: 'write'; at: number; length: number }
  | { op: 'append'; length: number }
  | { op: 'truncate'; size: number }
  | { op: 'zero'; at: number; length: number; keepSize: boolean }
  | { op: 'read'; at: number; length: number }
  | { op: 'open' | 'close' | 'fsync' | 'pause' | 'hold' | 'letGo' }
  | { op: 'advance'; ms: number }
  | { op: 'fail'; how: 'lost' | 'conflict' | 'server' | 'offline' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constant('write' as const), at: fc.nat(maxSize), length: fc.nat(16) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('append' as const), length: fc.nat(8) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('truncate' as const), size: fc.nat(maxSize) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('zero' as const),
      at: fc.nat(maxSize),
      length: fc.integer({ min: 1, max: 24 }),
      keepSize: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('read' as const), at: fc.nat(maxSize), length: fc.nat(maxSize) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constantFrom('open' as const, 'close', 'fsync', 'pause', 'hold', 'letGo'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('advance' as const),
      ms: fc.constantFrom(100, 500, 2000, 61_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('fail' as const),
      how: fc.constantFrom('lost' as const, 'conflict', 'server', 'offline'),
    }),
  },
)

/** A file here, the bytes that it must have, and what holds its uploads up. */
class Run {
  readonly #bench: WriteBench
  readonly #file: FakeFile
  #model: Buffer
  /** Every content that the file ever had: an upload must be one of them, whole. */
  readonly #history = new Set<string>()
  #fill = 0
  #writers = 0
  #gate: Gate | undefined
  #release: (() => void) | undefined

  constructor(bench: WriteBench, initial: string | undefined) {
    this.#bench = bench
    this.#file = initial === undefined ? bench.newFile('f') : bench.existingFile('f', initial)
    this.#model = Buffer.from(initial ?? '')
    this.#remember()
  }

  async step(step: Step): Promise<void> {
    await this.#apply(step)
    this.#remember()
  }

  async #apply(step: Step): Promise<void> {
    const { content } = this.#file
    switch (step.op) {
      case 'write':
        return this.#write(step.at, this.#bytes(step.length))
      case 'append':
        return this.#append(this.#bytes(step.length))
      case 'truncate':
        await content.truncate(step.size)
        this.#model = Buffer.concat([this.#model.subarray(0, step.size)], step.size)
        return undefined
      case 'zero':
        return this.#zero(step)
      case 'read':
        return this.#read(step.at, step.length)
      case 'open':
        this.#writers += 1
        return content.retainWriter()
      case 'close':
        if (this.#writers === 0) return undefined
        this.#writers -= 1
        return content.releaseWriter()
      case 'fsync':
        return content.fsync()
      case 'pause':
        return this.#pause()
      case 'hold':
        this.#gate ??= this.#bench.remote.hold('upload')
        return undefined
      case 'letGo':
        return this.#letGo()
      case 'advance':
        await this.#bench.clock.advance(step.ms)
        // Real files take real time; the longer wait lets uploads go on to their next stage.
        return settle()
      case 'fail':
        return this.#fail(step.how)
    }
  }

  async finish(): Promise<void> {
    this.#letGo()
    this.#bench.remote.offline = false
    this.#file.content.retry()
    const drained = this.#bench.writeBack.drain()
    const done = { yet: false }
    void drained.finally(() => (done.yet = true))
    while (!done.yet) await this.#bench.clock.advance(60_000)
    expect(await drained).toEqual([])
    if (this.#file.changes > 0)
      expect(Buffer.from(this.#bench.remote.bytesAt('f') ?? [])).toEqual(this.#model)
    expect(Buffer.from(await this.#file.read())).toEqual(this.#model)
    expect(this.#bench.remote.paths().filter((path) => path !== 'f')).toEqual([])
    expect(this.#file.displacements).toEqual([])
    expect(this.#bench.remote.openSessions).toBe(0)
    for (const { bytes } of this.#bench.remote.tree.find(['f'])?.versions ?? [])
      expect(this.#history).toContain(Buffer.from(bytes).toString('hex'))
  }

  #remember(): void {
    this.#history.add(this.#model.toString('hex'))
  }

  async #read(at: number, length: number): Promise<void> {
    const { remote } = this.#bench
    const { offline } = remote
    remote.offline = false // how reads wait for the server is the reader's business
    const bytes = await this.#file.read(at, length)
    remote.offline = offline
    expect(Buffer.from(bytes)).toEqual(this.#model.subarray(at, at + length))
    this.#readSpan(at, length)
  }

  /** Straight from the local file, where that is offered. */
  #readSpan(at: number, length: number): void {
    const span = this.#file.content.spanOf(at, length)
    if (!span) return
    const bytes = Buffer.alloc(span.length)
    expect(readSync(span.fd, bytes, 0, span.length, span.offset)).toBe(span.length)
    expect(bytes).toEqual(this.#model.subarray(at, at + length))
  }

  async #zero({ at, length, keepSize }: Extract<Step, { op: 'zero' }>): Promise<void> {
    const before = this.#model.length
    if (keepSize && at >= before) return
    await this.#file.content.zero({ offset: at, length, zero: true, keepSize })
    if (!keepSize) this.#model = Buffer.concat([this.#model], Math.max(before, at + length))
    this.#model.fill(0, at, Math.min(at + length, this.#model.length))
  }

  async #write(at: number, bytes: Buffer): Promise<void> {
    await this.#file.content.write(at, bytes)
    if (bytes.length === 0) return
    const size = Math.max(this.#model.length, at + bytes.length)
    this.#model = Buffer.concat([this.#model], size)
    bytes.copy(this.#model, at)
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#file.content.append(bytes)
    this.#model = Buffer.concat([this.#model, bytes])
  }

  async #pause(): Promise<void> {
    if (this.#release) {
      this.#release()
      this.#release = undefined
      return
    }
    this.#gate?.release()
    this.#gate = undefined
    this.#release = await this.#file.content.pause()
  }

  #letGo(): void {
    this.#gate?.release()
    this.#gate = undefined
    this.#release?.()
    this.#release = undefined
  }

  #fail(how: Extract<Step, { op: 'fail' }>['how']): void {
    const { remote } = this.#bench
    if (how === 'lost') remote.loseAnswers('upload')
    else if (how === 'offline') remote.offline = !remote.offline
    else remote.fail('upload', new RemoteError(how, how))
  }

  #bytes(length: number): Buffer {
    this.#fill = (this.#fill % 250) + 1
    return Buffer.alloc(length, this.#fill)
  }
}

describe('the write path against plain bytes', () => {
  it('shows and uploads exactly what was written, whatever happens in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.string({ maxLength: 40 }), { nil: undefined }),
        fc.boolean(),
        fc.array(step, { maxLength: 40 }),
        async (initial, usesSessions, steps) => {
          const bench = await WriteBench.open(usesSessions ? { putLimitBytes: 4, chunkBytes: 8 } : {})
          try {
            const run = new Run(bench, initial)
            for (const one of steps) await run.step(one)
            await run.finish()
          } finally {
            await bench.stop()
            await bench.remove()
          }
        },
      ),
      { numRuns: Number(process.env['MODEL_RUNS'] ?? 150) },
    )
  })
})
