import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { RequestMark } from '../conformance/engine.ts'

/** One request of the embedded server's log, as far as the suites look at it. */
export interface SeenRequest {
  /** `PUT /file/content`. */
  readonly route: string
  readonly path: string
  /** Of the envelope; undefined while the request runs, and for answers without one. */
  readonly code: number | undefined
  readonly bytesIn: number
  readonly bytesOut: number
}

/** A scripted fault: which requests of a route, and what happens to them. */
export interface ScriptedFault {
  readonly route: string
  readonly nth?: number
  readonly every?: number
  readonly times?: number
  readonly kind:
    'status' | 'code' | 'cut' | 'cutAfterBytes' | 'lostAnswer' | 'stall' | 'stallAfterBytes' | 'latency'
  readonly status?: number
  readonly code?: number
  readonly bytes?: number
  readonly ms?: number
}

/** The part of the embedded server that the suites use: see `src/server/index.ts`. */
export interface EmbeddedServer {
  readonly url: string
  readonly email: string
  readonly password: string
  readonly requests: {
    readonly position: number
    since(position: number): readonly SeenRequest[]
    readonly cutRequests: readonly SeenRequest[]
    /** `condition` is looked at whenever a request ends. */
    until(condition: () => boolean): Promise<void>
  }
  readonly faults: {
    add(fault: ScriptedFault): void
    clear(): void
    release(): void
    /** How many requests hang now. */
    readonly stalled: number
    untilStalled(count?: number): Promise<void>
  }
  readonly admin: {
    /** Writes a file past the API and the log; folders are made. */
    write(path: string, content: Buffer | string): Promise<string>
    /** Original URIs or names of what lies in the trash. */
    trash(): string[]
    setQuota(totalBytes: number): void
    usedBytes(): number
    expireAccessTokens(): void
    expireUrls(): void
    /** Locks a path as another client would; call the result to release it. */
    holdLock(path: string): () => void
    readonly lockCount: number
  }
  restart(kind: 'clean' | 'kill'): Promise<void>
  /** Connections are refused until `goOnline`; nothing is lost. */
  goOffline(): Promise<void>
  goOnline(): Promise<void>
  close(): Promise<void>
}

export interface EmbeddedServerOptions {
  readonly pro?: boolean
  readonly rttMs?: number
  readonly totalBytes?: number
  readonly maxPutBytes?: number
  readonly maxPageSize?: number
  readonly chunkSizeBytes?: number
  readonly bandwidthBytesPerSecond?: number
  readonly relay?: boolean
  /** Keep contents in this folder; left out: in memory. */
  readonly contentFolder?: string
  readonly accessTokenTtlMs?: number
  readonly urlTtlMs?: number
  /** false: the server tells nobody of changes. */
  readonly eventPush?: boolean
  /** The server is older than 4.11. */
  readonly isBefore411?: boolean
}

export const projectFolder = folderOfPackage(import.meta.dirname)

/** Also from a compiled copy in a folder of the project. */
function folderOfPackage(start: string): string {
  return existsSync(join(start, 'package.json')) ? start : folderOfPackage(dirname(start))
}

/** Requests that no operation of a program causes. */
const background = new Set(['GET /file/events'])

/** Counts requests from now on. */
export function markRequests({ requests }: Pick<EmbeddedServer, 'requests'>): RequestMark {
  const start = requests.position
  const seen = (): readonly SeenRequest[] =>
    requests.since(start).filter(({ route }) => !background.has(route))
  return {
    counts() {
      const counts: Record<string, number> = {}
      for (const { route } of seen()) counts[route] = (counts[route] ?? 0) + 1
      return counts
    },
    total: () => seen().length,
  }
}

/** Why there is no embedded server to run against; undefined when there is one. */
export function serverUnavailable(): string | undefined {
  return existsSync(join(projectFolder, 'src/server/index.ts')) ? undefined : 'src/server is not there'
}
