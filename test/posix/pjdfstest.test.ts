import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { Workplace } from '../e2e/harness.ts'
import { describePosix } from './each-mount.ts'
import { installCrate, installTimeoutMs } from './install-crate.ts'
import { excludedCases } from './exclusions.ts'
import { pjdfstest, runInFolder, runInMount, runTimeoutMs, type Results } from './pjdfstest.ts'

/** Uploads begin while cases still use the files. */
const mountArguments = ['--allow-other', '--quiet-time=20ms']

/** What this machine's own disk does not pass: the suite asks too much there. Once for all drivers. */
let local: Promise<Results> | undefined

async function runOnDisk(program: string): Promise<Results> {
  const folder = await mkdtemp(join(tmpdir(), 'cm-posix-'))
  try {
    await chmod(folder, 0o755)
    return await runInFolder(program, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A line a case, with what the suite said of it. */
function told(results: Results, names: readonly string[]): readonly string[] {
  return names.map((name) => `${name}: ${results.get(name)?.said ?? 'there is no such case'}`)
}

await describePosix('pjdfstest', (driver) => {
  const excluded = excludedCases(driver)
  let results: Results
  let onDisk: Results
  const isPassed = (name: string) => results.get(name)?.outcome === 'passed'

  beforeAll(
    async () => {
      const program = await installCrate(pjdfstest)
      local ??= runOnDisk(program)
      onDisk = await local
      const place = await Workplace.open({ driver })
      try {
        // Other users have to get through.
        await chmod(place.scratch, 0o711)
        await place.mount({ args: mountArguments })
        results = await runInMount(program, place.mountpoint, place.scratch)
      } finally {
        await place.close()
      }
    },
    installTimeoutMs + 3 * runTimeoutMs,
  )

  it('passes whatever is not excluded and passes on the disk of this machine', () => {
    const failing = [...results.keys()].filter(
      (name) => !isPassed(name) && !excluded.has(name) && onDisk.get(name)?.outcome !== 'failed',
    )
    expect(told(results, failing)).toEqual([])
  })

  it('fails whatever is excluded: the list of exclusions is true', () => {
    expect(
      told(
        results,
        [...excluded.keys()].filter((name) => isPassed(name) || !results.has(name)),
      ),
    ).toEqual([])
  })
})
