import { Admin } from './admin.ts'
import { Faults } from './faults.ts'
import { resolveOptions, type ServerOptions } from './options.ts'
import { RequestLog } from './request-log.ts'
import { routeName, Router } from './router.ts'
import { allRoutes } from './routes/all.ts'
import { seedDemo } from './seed/demo.ts'
import { HttpFront } from './server.ts'
import { World } from './state/world.ts'

export { Admin, type TreeEntry } from './admin.ts'
export { Faults, type Fault, type FaultKind, type FaultTarget } from './faults.ts'
export type { PolicyType, ServerOptions, UserOptions } from './options.ts'
export { policyTypes } from './options.ts'
export { RequestLog, type LoggedRequest } from './request-log.ts'
export { oneTimeCode } from './state/two-factor.ts'

/** A Cloudreve-compatible server in this process, on the loopback interface alone. */
export interface EmbeddedServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** Account of the first user. */
  readonly email: string
  readonly password: string
  readonly requests: RequestLog
  readonly faults: Faults
  readonly admin: Admin
  /**
   * Ends the process and starts it again on the same port, in place: locks and event subscriptions are lost, after a `kill` upload
   * sessions and sign-outs too (api/00-live-files §4).
   */
  restart(kind: 'clean' | 'kill'): Promise<void>
  /** Connections are refused until `goOnline`; nothing is lost. */
  goOffline(): Promise<void>
  goOnline(): Promise<void>
  close(): Promise<void>
}

export async function startServer(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const settings = resolveOptions(options)
  const world = new World(settings)
  if (settings.seed === 'demo') await seedDemo(world)
  const requests = new RequestLog()
  const routes = allRoutes(settings)
  const faults = new Faults(routes.map(routeName))
  const front = new HttpFront({ world, router: new Router(routes), log: requests, faults })
  const port = await front.listen(settings.port)
  const url = `http://127.0.0.1:${port}`
  world.origin = settings.siteUrl ?? url
  const { email, password } = settings.users[0]!
  return {
    url,
    port,
    email,
    password,
    requests,
    faults,
    admin: new Admin(world),
    async restart(kind) {
      await front.close({ gracefully: kind === 'clean' })
      world.forgetVolatile(kind)
      await front.listen(port)
    },
    goOffline: () => front.close(),
    goOnline: async () => {
      await front.listen(port)
    },
    async close() {
      faults.clear()
      world.events.clear()
      await front.close()
    },
  }
}
