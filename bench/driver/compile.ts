import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { projectFolder } from '../../test/harness/embedded-server.ts'
import { missingPrograms, run, runToEnd } from '../../test/harness/programs.ts'
import { definitions } from './tree.ts'

export interface Programs {
  /** libfuse 3's null filesystem. */
  readonly nullFs: string
  /** The load generator. */
  readonly load: string
}

const HOW = 'install them (Debian and Ubuntu: sudo apt-get install gcc pkg-config libfuse3-dev)'

/** Compiles the C programs of the benchmark. @throws an error whose message is a sentence, when something is not installed */
export async function compilePrograms(): Promise<Programs> {
  const missing = await missingPrograms('gcc', 'pkg-config')
  if (missing.length > 0) throw new Error(`the benchmark needs ${missing.join(' and ')}: ${HOW}`)
  const fuse = await runToEnd('pkg-config', ['--cflags', '--libs', 'fuse3'])
  if (fuse.exitCode !== 0) throw new Error(`the benchmark needs the headers of libfuse 3: ${HOW}`)
  const folder = join(projectFolder, 'dist-bench/programs')
  await mkdir(folder, { recursive: true })
  const compile = async (name: string, libraries: readonly string[]): Promise<string> => {
    const source = join(projectFolder, 'bench/driver', `${name}.c`)
    const output = join(folder, name)
    await run('gcc', [
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      ...definitions,
      source,
      '-o',
      output,
      ...libraries,
    ])
    return output
  }
  return {
    nullFs: await compile('null-fs', fuse.stdout.trim().split(/\s+/)),
    load: await compile('load', ['-pthread']),
  }
}
