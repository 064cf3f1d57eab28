import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../src/base/log.ts'
import { UploadQueue, type SentUpload } from '../../../../src/core/write/upload-queue.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { SimulatedServer, type SimulatedServerOptions } from '../../../fakes/simulated-server.ts'

const note: SentUpload = { sizeBytes: 1000, isSession: false }
const photo: SentUpload = { sizeBytes: 3 * 1024 ** 2, isSession: false }

const hangs = () => new Promise<void>(() => undefined)

function bench(server: Omit<SimulatedServerOptions, 'clock'>, { concurrency = 32 } = {}) {
  const clock = new ManualClock()
  const simulated = new SimulatedServer({ clock, ...server })
  const queue = new UploadQueue({ clock, log: silentLog, concurrency })
  const add = (count: number, upload = note, factor = 1) => {
    for (let i = 0; i < count; i += 1) {
      const send = () => simulated.request(factor)
      const work = () => queue.learnFrom(send, () => upload).catch(() => undefined)
      queue.add(work, { sizeBytes: upload.sizeBytes, urgent: false })
    }
  }
  return { clock, server: simulated, queue, add }
}

describe('small uploads at a time', () => {
  it('are at most eight at a server that does one after the other', async () => {
    const { clock, server, add } = bench({ serialMs: 10 })
    add(400)
    await clock.advance(4_000)
    expect(server.answered).toBe(400)
    expect(server.peak).toBeLessThanOrEqual(8)
    expect(server.peak).toBeGreaterThan(1)
  })

  it('stay at most eight there for as long as it goes on', async () => {
    const { clock, server, add } = bench({ serialMs: 500 })
    add(1000)
    await clock.advance(500_000)
    expect(server.answered).toBeGreaterThan(990)
    expect(server.peak).toBeLessThanOrEqual(8)
  })

  it('are at most eight there also when those of a kind that was never alone follow', async () => {
    const { clock, server, add } = bench({ serialMs: 10 })
    add(100)
    add(200, photo, 3)
    add(200)
    await clock.advance(9_000)
    expect(server.answered).toBe(500)
    expect(server.peak).toBeLessThanOrEqual(8)
  })

  it('are sixteen and more at 100 ms to a server that does them side by side', async () => {
    const { clock, server, add } = bench({ latencyMs: 100 })
    add(400)
    await clock.advance(600)
    expect(server.peak).toBeGreaterThanOrEqual(16)
    expect(server.peak).toBeLessThanOrEqual(32)
  })

  it('are as many as it works on, and a few more, where both count', async () => {
    const { clock, server, add } = bench({ latencyMs: 100, serialMs: 10 })
    add(1000)
    await clock.advance(2_000)
    server.peak = 0
    await clock.advance(5_000)
    expect(server.peak).toBeGreaterThanOrEqual(11)
    expect(server.peak).toBeLessThanOrEqual(16)
  })

  it('of different sizes do not look like a slow server', async () => {
    const { clock, server, queue } = bench({ latencyMs: 100 })
    for (let i = 0; i < 400; i += 1) {
      const upload = i % 2 === 0 ? note : photo
      const send = async () => {
        await server.request()
        if (upload === photo) await server.request()
      }
      queue.add(() => queue.learnFrom(send, () => upload), { sizeBytes: upload.sizeBytes, urgent: false })
    }
    await clock.advance(2_000)
    expect(server.peak).toBeGreaterThanOrEqual(16)
  })

  it('are never more than allowed', async () => {
    const { clock, server, add } = bench({ latencyMs: 100 }, { concurrency: 3 })
    add(100)
    await clock.advance(2_000)
    expect(server.peak).toBe(3)
  })

  it('become half as many when the server fails, once for all that were under way, and more again one by one', async () => {
    const { clock, server, add } = bench({ latencyMs: 100 })
    add(2000)
    await clock.advance(1_000)
    expect(server.inFlight).toBe(32)
    server.failures = 32
    await clock.advance(100)
    expect(server.inFlight).toBe(16)
    await clock.advance(200)
    expect(server.inFlight).toBe(18)
  })

  it('are still one when every request fails, and recover', async () => {
    const { clock, server, add } = bench({ latencyMs: 100 })
    server.failures = 40
    add(2000)
    await clock.advance(3_000)
    server.peak = 0
    await clock.advance(3_000)
    expect(server.answered).toBeGreaterThan(100)
    expect(server.peak).toBeGreaterThan(16)
  })

  it('become fewer when the server does one after the other from now on', async () => {
    const { clock, server, add } = bench({ latencyMs: 100 })
    add(3000)
    await clock.advance(1_000)
    expect(server.inFlight).toBe(32)
    server.serialMs = 100
    await clock.advance(30_000)
    expect(server.inFlight).toBeLessThanOrEqual(8)
  })

  it('become more on a way that is longer than it was, once that is noticed', async () => {
    const { clock, server, add } = bench({ latencyMs: 1 })
    add(100)
    await clock.advance(1_000)
    server.latencyMs = 100
    add(20_000)
    await clock.advance(50_000)
    expect(server.inFlight).toBeLessThanOrEqual(8)
    await clock.advance(20_000)
    expect(server.peak).toBeGreaterThanOrEqual(16)
  })

  it('go on while one of them hangs', async () => {
    const { clock, server, queue, add } = bench({ latencyMs: 100 })
    queue.add(() => queue.learnFrom(hangs, () => note), { sizeBytes: 1, urgent: false })
    add(20_000)
    await clock.advance(61_000)
    const before = server.answered
    await clock.advance(10_000)
    expect(server.answered - before).toBeGreaterThan(500)
  })

  it('that somebody saves now and then say nothing about how many would be good', async () => {
    const { clock, server, add } = bench({ latencyMs: 100 })
    for (let i = 0; i < 50; i += 1) {
      add(1)
      await clock.advance(1_000)
    }
    add(100)
    await clock.advance(50)
    expect(server.inFlight).toBe(4)
  })
})

describe('a large upload', () => {
  it('leaves the places of small ones alone, and says nothing about them', async () => {
    const { clock, server, queue, add } = bench({ latencyMs: 100 })
    const film: SentUpload = { sizeBytes: 10 * 1024 ** 3, isSession: true }
    let films = 0
    const forever = () => {
      films += 1
      return hangs()
    }
    for (let i = 0; i < 5; i += 1)
      queue.add(() => queue.learnFrom(forever, () => film), { sizeBytes: film.sizeBytes, urgent: false })
    add(400)
    await clock.advance(600)
    expect(films).toBe(2)
    expect(server.peak).toBeGreaterThanOrEqual(16)
  })
})
