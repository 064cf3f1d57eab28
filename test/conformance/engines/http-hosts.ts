import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { passwordSession } from '../../../src/auth/session.ts'
import { toServerName } from '../../../src/core/names/index.ts'
import { connectCloudreve } from '../../../src/remote/cloudreve/index.ts'
import type { Remote } from '../../../src/remote/remote.ts'
import { DriveClient, type Credentials } from '../../harness/drive-client.ts'
import { DriveView } from '../../harness/drive-view.ts'
import { markRequests, type EmbeddedServer } from '../../harness/embedded-server.ts'
import { startEmbedded } from '../../harness/start-embedded.ts'
import type { Engine, EngineHost, RequestMark } from '../engine.ts'
import { CoreEngine } from './core.ts'
import { driveUnderTest } from './drive-core.ts'
import type { VfsOptions } from './vfs/vfs.ts'

const kernel: VfsOptions = { names: 'keep', truncate: 'atomic', readdirPlus: true }

/** The product's core and client in this process, each run in a folder of its own. */
abstract class HttpHost implements EngineHost {
  abstract readonly name: string
  #drive: DriveClient | undefined
  #runs = 0

  abstract unavailable(): Promise<string | undefined>
  abstract start(): Promise<void>
  abstract stop(): Promise<void>
  protected abstract readonly credentials: Credentials
  protected abstract readonly mark: (() => RequestMark) | undefined

  async fresh(): Promise<Engine> {
    const { credentials, mark } = this
    this.#drive ??= new DriveClient(credentials)
    const drive = this.#drive
    const folder = await this.newFolder(drive, (this.#runs += 1))
    const view = new DriveView({ drive, folder, toServerName, ...(mark && { mark }) })
    const requests = mark ? (true as const) : 'a real server does not tell how many requests it had'
    const far = { connect: () => connectTo(credentials), folder: [folder], view, requests }
    return new CoreEngine(this.name, await driveUnderTest(far), kernel)
  }

  protected async newFolder(drive: DriveClient, run: number): Promise<string> {
    const folder = `conformance-${process.pid}-${run}`
    await drive.createFolder(folder)
    return folder
  }
}

async function connectTo({ url, email, password }: Credentials): Promise<Remote> {
  const parts = { clock: systemClock, log: silentLog }
  const session = await passwordSession(url, { email, password }, parts)
  const { tokenSource, serverClock } = session
  const rootUri = 'cloudreve://my'
  const remote = await connectCloudreve({ ...parts, origin: url, tokenSource, serverClock, rootUri })
  const closeRemote = remote.close.bind(remote)
  remote.close = async () => {
    await closeRemote()
    await session.close()
  }
  return remote
}

/** Over the embedded server: requests are counted, and none may have been cut. */
export class EmbeddedHost extends HttpHost {
  readonly name = 'core over the embedded server'
  #server: EmbeddedServer | undefined

  protected get credentials(): Credentials {
    return this.#server!
  }

  protected readonly mark = () => markRequests(this.#server!)

  async unavailable(): Promise<string | undefined> {
    return undefined
  }

  async start(): Promise<void> {
    this.#server = await startEmbedded()
  }

  async stop(): Promise<void> {
    const { requests } = this.#server!
    await this.#server!.close()
    if (requests.cutRequests.length > 0) {
      throw new Error(`requests that were cut: ${requests.cutRequests.map(({ route }) => route).join(', ')}`)
    }
  }
}

/** Over a real server, when the environment names one: it is the judge of the embedded server. */
export class RealHost extends HttpHost {
  readonly name = 'core over a real server'
  protected readonly mark = undefined
  readonly #folders: string[] = []

  protected get credentials(): Credentials {
    const { CLOUDREVE_URL: url, CLOUDREVE_EMAIL: email, CLOUDREVE_PASSWORD: password } = process.env
    return { url: url ?? '', email: email ?? '', password: password ?? '' }
  }

  async unavailable(): Promise<string | undefined> {
    const { url, email, password } = this.credentials
    return url && email && password
      ? undefined
      : 'no server is named by CLOUDREVE_URL, CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD'
  }

  async start(): Promise<void> {}

  /** What was made is moved to the trash again. */
  async stop(): Promise<void> {
    const drive = new DriveClient(this.credentials)
    for (const folder of this.#folders) await drive.remove(folder)
  }

  protected override async newFolder(drive: DriveClient, run: number): Promise<string> {
    const folder = await super.newFolder(drive, run)
    this.#folders.push(folder)
    return folder
  }
}
