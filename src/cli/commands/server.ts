/** `cloudreve-mount server`: a Cloudreve-compatible server on this machine, for trying things out. */
import { Option, type Command } from 'commander'
import { parseDuration, parsePort, parseSize } from '../arguments.ts'
import type { ServerOptions } from '../../server/index.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { listenForStop, untilAborted } from '../stop-signals.ts'

export interface ServerFlags {
  readonly port?: number
  readonly json?: true
  readonly pro?: true
  readonly seed: 'demo' | 'empty'
  readonly data?: string
  readonly rtt?: number
  readonly bandwidth?: number
  readonly accessTokenTtl?: number
  readonly urlTtl?: number
}

export function addServer(program: Command, context: CliContext): void {
  program
    .command('server')
    .description('run a small Cloudreve-compatible server on this machine, until Ctrl-C')
    .option('--port <number>', 'port on 127.0.0.1 (default: any free one)', parsePort)
    .option('--json', 'for programs: print one line {"url","email","password"}')
    .option('--pro', 'keep an activity log, as Cloudreve Pro does')
    .addOption(new Option('--seed <what>', 'what the drive holds').choices(['demo', 'empty']).default('demo'))
    .option('--data <folder>', 'keep the content of files there (default: in memory)')
    .option('--rtt <duration>', 'added to every request, such as 50ms (default: 0)', parseDuration)
    .option(
      '--bandwidth <size>',
      'bytes a second in each direction, such as 10MiB (default: unlimited)',
      parseSize,
    )
    .option(
      '--access-token-ttl <duration>',
      'life of a sign-in before it is renewed (default: 1h)',
      parseDuration,
    )
    .option('--url-ttl <duration>', 'life of a signed URL (default: 1h)', parseDuration)
    .addHelpText(
      'after',
      '\nIt listens on 127.0.0.1 only and forgets everything when it ends.\n\nExample:\n  cloudreve-mount server --port 5212 --rtt 50ms',
    )
    .action((flags: ServerFlags) => server(context, flags))
}

async function server({ io }: CliContext, flags: ServerFlags): Promise<void> {
  const stop = listenForStop()
  const { startServer } = await import('../../server/index.ts')
  const running = await startServer(serverOptions(flags)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error
    const reason = error.code === 'EACCES' ? 'needs root' : 'is taken by another program'
    throw new CliError(`port ${flags.port} ${reason}`, exitCodes.failed, { cause: error })
  })
  try {
    const { url, email, password } = running
    if (flags.json) {
      io.out(JSON.stringify({ url, email, password }))
    } else {
      io.out(`${url}\ne-mail    ${email}\npassword  ${password}`)
      io.err('Ctrl-C ends it.')
    }
    await untilAborted(stop.first)
  } finally {
    await running.close()
    stop.release()
  }
}

/** Only what was asked for: the rest stays as the server has it. */
export function serverOptions(flags: ServerFlags): ServerOptions {
  const { port, pro, seed, data, rtt, bandwidth, accessTokenTtl, urlTtl } = flags
  return {
    seed,
    ...(port === undefined ? {} : { port }),
    ...(pro === undefined ? {} : { pro }),
    ...(data === undefined ? {} : { contentFolder: data }),
    ...(rtt === undefined ? {} : { rttMs: rtt }),
    ...(bandwidth === undefined ? {} : { bandwidthBytesPerSecond: bandwidth }),
    ...(accessTokenTtl === undefined ? {} : { accessTokenTtlMs: accessTokenTtl }),
    ...(urlTtl === undefined ? {} : { urlTtlMs: urlTtl }),
  }
}
