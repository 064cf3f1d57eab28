import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Workplace } from '../test/e2e/harness.ts'
import { plainWork } from './plain-work.ts'
import { processorMs } from './processor-time.ts'
import { quartiles, ratiosOf, type Quartiles } from './quartiles.ts'
import type { Row } from './row.ts'

export interface Result {
  readonly name: string
  readonly doc: string
  /** Of `mountMs` and `plainMs`. */
  readonly unit: string
  readonly rounds: number
  readonly mountMs: Quartiles
  readonly plainMs: Quartiles
  /** Mount over plain HTTP, or over what the row allows for that, round by round: below 1 the mount is faster. */
  readonly ratio: Quartiles
  /** Of the mount's process, and of the plain client's thread if there was one. */
  readonly mountProcessorMs: Quartiles
  readonly plainProcessorMs: Quartiles | undefined
  /** Requests of one round (the last), by route. */
  readonly mountRequests: Readonly<Record<string, number>>
  readonly plainRequests: Readonly<Record<string, number>>
  readonly target: number | undefined
  readonly note: string | undefined
}

interface Sample {
  readonly ms: number
  readonly processorMs?: number | undefined
  readonly requests: Readonly<Record<string, number>>
  readonly note?: string
}

/** Rounds alternate which of the two goes first, so that a slow moment of the machine does not hit one side only. */
export async function measure(row: Row, rounds: number): Promise<Result> {
  const { rttMs, maxPutBytes, bandwidthBytesPerSecond } = row
  const contentFolder = row.isOnDisk ? await mkdtemp(join(tmpdir(), 'contents-')) : undefined
  const place = await Workplace.open({
    driver: 'auto',
    rttMs,
    ...(maxPutBytes !== undefined && { maxPutBytes }),
    ...(bandwidthBytesPerSecond !== undefined && { bandwidthBytesPerSecond }),
    ...(contentFolder !== undefined && { contentFolder }),
  })
  const mounts: Sample[] = []
  const plains: Sample[] = []
  let note: string | undefined
  try {
    await row.prepare(place)
    note = await row.note?.(place)
    for (let round = 0; round < rounds; round += 1) {
      const onMount = async (): Promise<unknown> => mounts.push(await mountRound(row, place, round))
      const plain = async (): Promise<unknown> => plains.push(await plainRound(row, place, round))
      for (const side of round % 2 === 0 ? [onMount, plain] : [plain, onMount]) await side()
    }
  } finally {
    await place.close()
    if (contentFolder !== undefined) await rm(contentFolder, { recursive: true })
  }
  return {
    name: row.name,
    unit: row.unit ?? 'ms',
    doc: row.doc,
    rounds,
    mountMs: quartiles(mounts.map(({ ms }) => ms)),
    plainMs: quartiles(plains.map(({ ms }) => ms)),
    ratio: ratiosOf(
      mounts.map(({ ms }) => ms),
      plains.map(({ ms }) => row.mayTake?.(ms) ?? ms),
    ),
    mountProcessorMs: quartiles(mounts.map(({ processorMs: ms }) => ms ?? 0)),
    plainProcessorMs:
      plains[0]!.processorMs === undefined
        ? undefined
        : quartiles(plains.map(({ processorMs: ms }) => ms ?? 0)),
    mountRequests: mounts.at(-1)!.requests,
    plainRequests: plains.at(-1)!.requests,
    target: row.target,
    note: mounts.at(-1)!.note ?? note,
  }
}

/** Each round on a mount of its own: nothing is known, and nothing cached unless the row says so. */
async function mountRound(row: Row, place: Workplace, round: number): Promise<Sample> {
  if (!row.isCached) await rm(join(place.scratch, 'cache'), { recursive: true, force: true })
  await row.before?.(place)
  const mount = await place.mount(row.mountArgs === undefined ? {} : { args: row.mountArgs })
  const mark = place.mark()
  const spentMs = processorMs(mount.pid)
  const start = performance.now()
  const counted = await row.onMount(place, mount, round)
  const tookMs = performance.now() - start
  const processor = { processorMs: processorMs(mount.pid) - spentMs }
  const requests = mark.counts()
  await mount.unmount()
  if (typeof counted === 'object') return { ms: counted.value, requests, ...processor, note: counted.note }
  return { ms: (counted ?? tookMs) - (row.quietMs ?? 0), requests, ...processor }
}

async function plainRound(row: Row, place: Workplace, round: number): Promise<Sample> {
  await row.before?.(place)
  const mark = place.mark()
  const job = row.plain(place, round)
  const spent = typeof job === 'number' ? { ms: job } : await plainWork(place.server, job)
  return { ...spent, requests: mark.counts() }
}
