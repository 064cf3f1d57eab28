import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runOnce, type RunOptions } from './run-once.ts'

const options: RunOptions = {
  seed: 1,
  isMounted: false,
  target: undefined,
  inline: 'none',
  damage: 'none',
  hooks: [[]],
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stuck-'))
})

afterEach(() => rm(folder, { recursive: true }))

/** Runs with a process that has a connection to the server, and never says that it has begun. */
async function complaintsAbout(then: string): Promise<readonly string[]> {
  const program = join(folder, 'silent.mjs')
  await writeFile(
    program,
    `import { connect } from 'node:net'
    process.once('message', ({ setup }) => {
      const line = connect(new URL(setup.url).port, '127.0.0.1', () => {
        process.stderr.write('its last line\\n');
        ${then}
      })
      line.on('close', () => undefined)
    })`,
  )
  const { complaints } = await runOnce(options, { program, longestPause: 3 })
  return complaints
}

it('a process that never begins ends as a run that is stuck, with what it does', async () => {
  const complaints = await complaintsAbout('setInterval(() => undefined, 1000)')
  expect(complaints).toEqual([
    'stuck: the run does not come to its end',
    'it does not answer what waits',
    expect.stringContaining('its last line'),
    expect.stringMatching(/^where it is: .*"timer"/),
  ])
}, 60_000)

it('a process that is stopped is told with its state', async () => {
  const complaints = await complaintsAbout("process.kill(process.pid, 'SIGSTOP')")
  expect(complaints.at(-1)).toMatch(
    /^it does not even say where it is; the kernel says: State:\s+T \(stopped\)/,
  )
}, 60_000)
