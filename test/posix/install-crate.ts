/** Programs of the Rust registry: compiled once per version, kept beside the other caches of the checkout. */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { projectFolder } from '../harness/embedded-server.ts'
import { missingPrograms, run } from '../harness/programs.ts'

export interface Crate {
  readonly name: string
  readonly version: string
}

/** Compiling takes a minute or two; on a busy machine longer, ms. */
export const installTimeoutMs = 15 * 60_000

/** Why no crate can be compiled here; undefined when it can. */
export async function cargoUnavailable(): Promise<string | undefined> {
  const missing = await missingPrograms('cargo')
  return missing.length === 0 ? undefined : 'cargo, which compiles the suite, is not installed'
}

/** The path of the crate's program, which has the crate's name. A second call installs nothing. */
export async function installCrate({ name, version }: Crate): Promise<string> {
  const cache = join(projectFolder, 'node_modules/.cache/cloudreve-mount')
  const folder = join(cache, `${name}-${version}`)
  const program = join(folder, 'bin', name)
  if (existsSync(program)) return program
  await mkdir(cache, { recursive: true })
  // Under another name until it is complete: an installation that was ended half-way is none.
  const unfinished = `${folder}.${process.pid}`
  const words = ['install', name, '--version', version, '--locked', '--quiet', '--root', unfinished]
  try {
    await run('cargo', words, { timeout: installTimeoutMs })
    await rm(folder, { recursive: true, force: true })
    await rename(unfinished, folder)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return program
}
