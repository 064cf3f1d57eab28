import { ApiClient } from '../../src/api/client.ts'
import { passwordSession } from '../../src/auth/session.ts'
import { connectCloudreve, type ConnectOptions } from '../../src/remote/cloudreve/index.ts'
import type { Remote } from '../../src/remote/remote.ts'
import type { ListingPage, RemotePath } from '../../src/remote/types.ts'
import { startServer, type EmbeddedServer, type ServerOptions } from '../../src/server/index.ts'
import { ImpatientClock } from './impatient-clock.ts'
import { RecordingLog } from './scripted-remote.ts'

export interface EmbeddedRemote {
  readonly server: EmbeddedServer
  readonly remote: Remote
  readonly clock: ImpatientClock
  readonly log: RecordingLog
  /** A client of the same account, for what the port has no call for. */
  readonly api: ApiClient
  /** Closes everything; the requests that the client cut and must not have. */
  stop(): Promise<readonly string[]>
}

/** The adapter in front of an embedded server; requests of signing in and connecting are not counted. */
export async function embeddedRemote(
  serverOptions: ServerOptions = {},
  options: Partial<ConnectOptions> = {},
): Promise<EmbeddedRemote> {
  const clock = new ImpatientClock({ startMs: Date.now() })
  const server = await startServer({ clock, ...serverOptions })
  const { url: origin, email, password } = server
  const session = await passwordSession(origin, { email, password }, { clock })
  const { tokenSource, serverClock } = session
  const log = new RecordingLog()
  const base = { origin, tokenSource, serverClock, rootUri: 'cloudreve://my', clock, log }
  const remote = await connectCloudreve({ ...base, ...options })
  const api = new ApiClient({ origin, clock, tokens: tokenSource, serverClock })
  server.requests.clear()
  const stop = async () => {
    server.faults.clear()
    await Promise.all([remote.close(), api.close(), session.close()])
    await server.close()
    return server.requests.cutRequests.map(({ route }) => route)
  }
  return { server, remote, clock, log, api, stop }
}

/** A whole folder. */
export async function listAll(remote: Remote, folder: RemotePath): Promise<ListingPage['entries'][number][]> {
  const entries: ListingPage['entries'][number][] = []
  for await (const page of remote.list(folder)) entries.push(...page.entries)
  return entries
}
