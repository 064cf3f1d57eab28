import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { projectFolder, type EmbeddedServer, type EmbeddedServerOptions } from './embedded-server.ts'

interface ServerModule {
  startServer(options: EmbeddedServerOptions): Promise<EmbeddedServer>
}

/** Starts the embedded server in this process, so that its log, faults and state are at hand. */
export async function startEmbedded(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const url = pathToFileURL(join(projectFolder, 'src/server/index.ts')).href
  const server = (await import(url)) as ServerModule
  return server.startServer(options)
}
