import { extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { EmbeddedServer, EmbeddedServerOptions } from './embedded-server.ts'

interface ServerModule {
  startServer(options: EmbeddedServerOptions): Promise<EmbeddedServer>
}

/** Starts the embedded server in this process, so that its log, faults and state are at hand. */
export async function startEmbedded(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  // `.js` in a compiled copy.
  const file = join(import.meta.dirname, `../../src/server/index${extname(import.meta.filename)}`)
  const server = (await import(pathToFileURL(file).href)) as ServerModule
  return server.startServer(options)
}
