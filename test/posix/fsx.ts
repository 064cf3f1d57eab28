/** Runs fsx, which does random things to one file and compares all that it reads with what it should be. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, runToEnd } from '../harness/programs.ts'
import type { Crate } from './install-crate.ts'

export const fsx: Crate = { name: 'fsx', version: '0.3.2' }

/** A run that takes longer hangs, ms. */
export const fsxTimeoutMs = 900_000

/** How often each operation comes in a run, relative to the others. */
const buffered = {
  close_open: 1,
  read: 10,
  write: 10,
  mapread: 0,
  mapwrite: 0,
  truncate: 4,
  invalidate: 0,
  fsync: 0.1,
  fdatasync: 0.1,
  posix_fallocate: 2,
  punch_hole: 2,
  sendfile: 2,
  // Among them the advice to forget what was read: then the next read asks the mount.
  posix_fadvise: 4,
  copy_file_range: 3,
}

export type FsxOperation = keyof typeof buffered
export type FsxWeights = Readonly<Record<FsxOperation, number>>

export const weightsOf = {
  buffered,
  /** What is written through a mapping stays in the kernel until something asks for it. */
  mmap: { ...buffered, mapread: 8, mapwrite: 10, invalidate: 1 },
  /** With O_DIRECT. */
  direct: buffered,
} as const satisfies Record<string, FsxWeights>

/** How a file is used. */
export type FsxMode = keyof typeof weightsOf

/** One run: the same operations again, if this is the same. */
export interface FsxPlan {
  readonly weights: FsxWeights
  readonly isDirect?: boolean
  readonly operations: number
  readonly seed: number
}

/** @throws with what fsx says of the bytes that are wrong, and of what it did before */
export async function runFsx(program: string, file: string, scratch: string, plan: FsxPlan): Promise<void> {
  await mkdir(scratch, { recursive: true })
  const config = join(scratch, 'fsx.toml')
  await writeFile(config, configuration(plan.weights))
  const words = ['-N', String(plan.operations), '-S', String(plan.seed), '-f', config, '-P', scratch, file]
  const preload = plan.isDirect ? { LD_PRELOAD: await openDirect(scratch) } : {}
  const env = { ...process.env, RUST_BACKTRACE: '0', ...preload }
  const { stdout, stderr, exitCode } = await runToEnd(program, words, { env, timeout: fsxTimeoutMs })
  if (exitCode !== 0 || !stdout.includes('A-OK'))
    throw new Error(`fsx ended with ${exitCode} (seed ${plan.seed}):\n${digest(stderr)}`)
  if (plan.isDirect && !stderr.includes('opened directly: '))
    throw new Error('fsx did not open its file with O_DIRECT')
}

function configuration(weights: FsxWeights): string {
  // To fsx only numbers with a point are weights.
  const lines = Object.entries(weights).map(([operation, weight]) => `${operation} = ${weight.toFixed(1)}`)
  return ['nomsyncafterwrite = true', '[opsize]', 'min = 1', 'max = 65536', '[weights]', ...lines, ''].join(
    '\n',
  )
}

async function openDirect(folder: string): Promise<string> {
  const library = join(folder, 'open-direct.so')
  const source = join(import.meta.dirname, 'open-direct.c')
  await run('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, source])
  return library
}

/** What went wrong stands first, the last operations last. */
function digest(said: string): string {
  const lines = said.split('\n')
  return lines.length <= 80 ? said : [...lines.slice(0, 40), '…', ...lines.slice(-40)].join('\n')
}
