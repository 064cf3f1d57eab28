import { readFileSync } from 'node:fs'
import { paths } from '../config/paths.ts'
import type { CliContext } from './context.ts'
import { processIo } from './io.ts'

/** The context of a real command line. */
export function processContext(): CliContext {
  throw new Error('not yet')
}
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
void paths
void processIo
