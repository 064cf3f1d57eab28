/** `npm run bench:mirror -- [--objects N] [--memory N]`: what it takes to know so many files and folders. Needs no mount. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { Mirror } from '../src/core/index.ts'
import { Patience } from '../src/core/patience.ts'
import { FolderCache } from '../src/core/tree/index.ts'
import { toEntry } from '../src/remote/cloudreve/map-entry.ts'
import type { WireFile } from '../src/api/schema.ts'
import type { EntityId, FileId, ListingPage, RemoteEntry, RemotePath } from '../src/remote/types.ts'

const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '1000000' },
    memory: { type: 'string', default: '100000' },
  },
})
const objects = Number(values.objects)
const maxEntries = Number(values.memory)
const perFolder = 50
const folders = Math.ceil(objects / perFolder)
const noContent = 'none' as EntityId

/** As an answer of the server is parsed: each string of its own. */
function wireFile(folder: number, index: number): RemoteEntry {
  const created = Date.UTC(2026, 0, 1) + (folder * perFolder + index) * 7_000
  const name = `IMG_2026${String(folder).padStart(6, '0')}_${String(index).padStart(4, '0')}.jpg`
  const wire = {
    type: 0,
    id: `f${folder.toString(36)}${index.toString(36)}Xy`,
    name,
    size: 2_000_000 + index * 3_333,
    created_at: created,
    updated_at: created + 40,
    primary_entity: `e${folder.toString(36)}${index.toString(36)}Zw`,
    metadata: {},
    shared: false,
    owned: true,
    capability: 'v+0dAQ==',
    path: `cloudreve://my/Photos/Folder%20${folder}/${name}`,
  }
  return toEntry(JSON.parse(JSON.stringify(wire)) as WireFile, noContent)
}

function folderEntry(folder: number): RemoteEntry {
  const uri = `cloudreve://my/Photos/Folder%20${folder}`
  return { ...wireFile(folder, perFolder), kind: 'folder', name: `Folder ${folder}`, uri, id: idOf(folder) }
}

function idOf(folder: number): FileId {
  return `d${folder.toString(36)}` as FileId
}

/** What it may cost, MB that no file stands behind, and requests after a start anew. */
const most = { anonymousMb: 300, requests: 0 }
let requests = 0

const aim = (value: number, target: number) => `at most ${target}${value > target ? ': MISSED' : ''}`

async function* list(path: RemotePath): AsyncGenerator<ListingPage> {
  // An answer of a server takes at least a turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve))
  requests += 1
  const folder = Number(path.at(-1))
  const entries = Array.from({ length: perFolder - 1 }, (_, index) => wireFile(folder, index))
  yield { entries, folder: folderEntry(folder), policy: undefined, isLast: true }
}

/** MB of this process that no file stands behind. */
async function anonymousMb(): Promise<number> {
  globalThis.gc?.()
  const status = await readFile('/proc/self/status', 'utf8')
  return Math.round(Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) / 1024)
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  const result = await work()
  const tookMs = Math.round(performance.now() - startedAt)
  const anonymous = await anonymousMb()
  const { heapUsed } = process.memoryUsage()
  const heapMb = Math.round(heapUsed / 1024 ** 2)
  console.log(
    `${what}: ${tookMs} ms, ${anonymous} MB anonymous (${aim(anonymous, most.anonymousMb)}), of which ${heapMb} MB are used by JavaScript`,
  )
  return result
}

function cacheOver(mirror: Mirror): FolderCache {
  const [clock, ttlMs, followedTtlMs] = [systemClock, 30_000, 300_000]
  const patience = new Patience(clock, silentLog)
  return new FolderCache({ remote: { list }, clock, patience, ttlMs, followedTtlMs, maxEntries, mirror })
}

const place = await mkdtemp(join(tmpdir(), 'bench-mirror-'))
try {
  const open = () => Mirror.open({ folder: place, maxObjects: objects, clock: systemClock, log: silentLog })
  console.log(`${objects} objects in ${folders} folders, ${maxEntries} of them in memory`)
  let mirror = await timed('begin', open)
  await timed('list all', async () => {
    const cache = cacheOver(mirror)
    for (let folder = 0; folder < folders; folder += 1) {
      const path = () => ['Photos', String(folder)]
      await cache.load({ id: idOf(folder), label: String(folder), path }, () => undefined)
    }
    await mirror.settled()
    return cache
  })
  const { usedBytes, objects: known } = mirror.usage
  console.log(`${known} objects known, ${Math.round(usedBytes / known)} bytes of the disk each`)
  await mirror.close()
  mirror = await timed('start anew', open)
  const again = cacheOver(mirror)
  requests = 0
  await timed('read all', async () => {
    for (let folder = 0; folder < folders; folder += 1) {
      const id = idOf(folder)
      const path = () => ['Photos', String(folder)]
      const known =
        again.probable(id) ?? (await again.load({ id, label: String(folder), path }, () => undefined))
      if (known.entries.size !== perFolder - 1) throw new Error(`${folder} is not known as it is`)
    }
  })
  console.log(`${requests} requests for that (${aim(requests, most.requests)})`)
  await mirror.close()
} finally {
  await rm(place, { recursive: true, force: true })
}
