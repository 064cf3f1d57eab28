import { AccountTokenSource } from '../../src/auth/token-source.ts'
import { ApiClient } from '../../src/api/client.ts'
import { ServerClock } from '../../src/api/server-clock.ts'
import type { Log, LogFields } from '../../src/base/log.ts'
import { connectCloudreve, type ConnectOptions } from '../../src/remote/cloudreve/index.ts'
import type { Remote } from '../../src/remote/remote.ts'
import { ImpatientClock } from './impatient-clock.ts'
import { ScriptedServer, wireListing } from './scripted-server.ts'

export const ACCESS_TOKEN = 'secret-access-token'
export const REFRESH_TOKEN = 'secret-refresh-token'

/** Everything that a log got, as text. */
export class RecordingLog implements Log {
  readonly lines: string[] = []

  debug(message: string, fields?: LogFields): void {
    this.#line(message, fields)
  }
  info(message: string, fields?: LogFields): void {
    this.#line(message, fields)
  }
  warn(message: string, fields?: LogFields): void {
    this.#line(message, fields)
  }
  error(message: string, fields?: LogFields): void {
    this.#line(message, fields)
  }

  #line(message: string, fields: LogFields = {}): void {
    this.lines.push(`${message} ${JSON.stringify(fields)}`)
  }
}

export interface ScriptedRemote {
  readonly server: ScriptedServer
  readonly remote: Remote
  readonly clock: ImpatientClock
  readonly log: RecordingLog
  stop(): Promise<void>
}

/** A connected adapter in front of a scripted server; requests of the connecting are not counted. */
export async function scriptedRemote(
  options: Partial<ConnectOptions> = {},
  prepare: (server: ScriptedServer) => void = () => {},
): Promise<ScriptedRemote> {
  const server = await ScriptedServer.start()
  answerConnecting(server)
  prepare(server)
  const clock = new ImpatientClock()
  const log = new RecordingLog()
  const serverClock = new ServerClock(clock)
  const anonymous = new ApiClient({ origin: server.origin, clock, serverClock })
  const tokens = {
    accessToken: ACCESS_TOKEN,
    refreshToken: REFRESH_TOKEN,
    accessExpiresAtMs: Date.now() + 3_600_000,
    refreshExpiresAtMs: Date.now() + 86_400_000,
  }
  const tokenSource = new AccountTokenSource({ client: anonymous, serverClock, tokens, accountName: 'ann' })
  const base = { origin: server.origin, tokenSource, serverClock, rootUri: 'cloudreve://my', clock, log }
  const remote = await connectCloudreve({ ...base, ...options })
  server.clear()
  const stop = async () => {
    await Promise.all([remote.close(), anonymous.close()])
    await server.stop()
  }
  return { server, remote, clock, log, stop }
}

function answerConnecting(server: ScriptedServer): void {
  server
    .on('GET /site/ping', { data: '4.18.0' })
    .on('GET /site/config/explorer', { data: { max_batch_size: 3000 } })
    .on('GET /user/me', { data: { id: 'U1', email: 'ann@example.com', nickname: 'Ann' } })
    .on('GET /user/capacity', { data: { total: 100, used: 40 } })
    .on('GET /user/setting', { data: { version_retention_enabled: true, version_retention_max: 10 } })
    .on('GET /file', { data: wireListing() })
}

export function bytesSource(bytes: Uint8Array) {
  return {
    sizeBytes: bytes.length,
    read: (start: number, end: number) => Promise.resolve(bytes.subarray(start, end)),
  }
}
