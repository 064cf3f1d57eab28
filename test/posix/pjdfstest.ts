/** Runs pjdfstest (the one in Rust), which asks a folder for what POSIX says of system calls, over any folder. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runToEnd } from '../harness/programs.ts'
import type { Crate } from './install-crate.ts'
import { parseOutput, type CaseResult } from './pjdfstest-output.ts'

export const pjdfstest: Crate = { name: 'pjdfstest', version: '0.2.2' }

/** A run that takes longer hangs, ms. */
export const runTimeoutMs = 180_000

/** Results of cases by their names. */
export type Results = ReadonlyMap<string, CaseResult>

/** Users that Linux systems have from the start; two of them are needed, each with a group of its own. */
const candidates: readonly string[] = ['daemon', 'bin', 'nobody', 'sys', 'games', 'mail']

/** All cases in `folder`, but for those that need it to be a mount of its own. */
export function runInFolder(program: string, folder: string): Promise<Results> {
  return withScratch((scratch) => start(program, scratch, { mayRemount: false, words: ['-p', folder] }))
}

/** All cases in `mountpoint`; `otherFolder` is on another filesystem. */
export function runInMount(program: string, mountpoint: string, otherFolder: string): Promise<Results> {
  const words = ['-p', mountpoint, '-s', otherFolder]
  return withScratch(async (scratch) => {
    const most = await start(program, scratch, { mayRemount: false, words })
    // In a process of their own: cases of the suite leave deleted files open, and then nothing can be remounted read-only.
    const ofReadOnly = await start(program, scratch, { mayRemount: true, words: [...words, 'erofs'] })
    return new Map([...most, ...ofReadOnly])
  })
}

async function withScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), 'cm-pjdfstest-'))
  try {
    return await work(scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Run {
  readonly mayRemount: boolean
  readonly words: readonly string[]
}

async function start(program: string, scratch: string, { mayRemount, words }: Run): Promise<Results> {
  const config = join(scratch, 'pjdfstest.toml')
  await writeFile(config, configuration(await twoUsers(), mayRemount))
  const path = `${await plainMount(scratch)}:${process.env['PATH']}`
  const env = { ...process.env, NO_COLOR: '1', RUST_BACKTRACE: '0', PATH: path }
  const { stdout, stderr } = await runToEnd(program, ['-c', config, ...words], { env, timeout: runTimeoutMs })
  return parseOutput(`${stdout}${stderr}`)
}

/** Left off is what Linux has not: `chflags`, NFSv4 access lists, a birth time in `struct stat`. */
function configuration(
  users: readonly (readonly [user: string, group: string])[],
  mayRemount: boolean,
): string {
  return [
    '[features]',
    'posix_fallocate = {}',
    'rename_ctime = {}',
    'utime_now = {}',
    'utimensat = {}',
    '[settings]',
    // Longer than what the clocks of kernels and of libfuse 2 tell apart, s.
    'naptime = 0.02',
    `allow_remount = ${mayRemount}`,
    '[dummy_auth]',
    `entries = ${JSON.stringify(users)}`,
    '',
  ].join('\n')
}

/** A `mount` that remounts by itself: for a FUSE filesystem it would leave that to a helper, which cannot. */
async function plainMount(scratch: string): Promise<string> {
  const folder = join(scratch, 'bin')
  await mkdir(folder, { recursive: true })
  const script = `#!/bin/sh\nPATH='${process.env['PATH']}' exec mount --internal-only "$@"\n`
  await writeFile(join(folder, 'mount'), script, { mode: 0o755 })
  return folder
}

async function twoUsers(): Promise<readonly (readonly [user: string, group: string])[]> {
  const groups = new Map((await fieldsOf('/etc/group')).map(([name, , gid]) => [gid, name]))
  const users = new Map((await fieldsOf('/etc/passwd')).map(([name, , , gid]) => [name, groups.get(gid)]))
  const found = candidates.flatMap((user) => {
    const group = users.get(user)
    return group === undefined ? [] : [[user, group] as const]
  })
  if (found.length < 2)
    throw new Error(`this system has fewer than two of the users ${candidates.join(', ')}`)
  return found.slice(0, 2)
}

async function fieldsOf(path: string): Promise<readonly string[][]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  return lines.map((line) => line.split(':'))
}
