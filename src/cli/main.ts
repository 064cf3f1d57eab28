import { stayAwake } from '../mount/stay-awake.ts'
import { processContext } from './process-context.ts'
import { reportError } from './errors.ts'
import { outliveReader, processIo } from './io.ts'
import { buildProgram } from './program.ts'

/** Runs one command line (`argv` as in `process.argv`); sets `process.exitCode`. Never rejects. */
export async function main(argv: readonly string[]): Promise<void> {
  // Pauses between attempts do not keep a process alive by themselves (base/clock.ts); a command at work does.
  for (const stream of [process.stdout, process.stderr]) outliveReader(stream)
  const letGo = stayAwake()
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreGoneReader)
  try {
    await buildProgram(processContext()).parseAsync([...argv])
  } catch (error) {
    process.exitCode = reportError(processIo, error, argv.includes('--verbose'))
  } finally {
    letGo()
  }
}

/** `cloudreve-mount info FILE | head -1`: whoever read the output has enough of it. */
function ignoreGoneReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
