import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, it } from 'vitest'
import type { DriverName } from '../conformance/driver-differences.ts'
import { expectBytes } from '../conformance/suite.ts'
import { Workplace } from '../e2e/harness.ts'
import { describePosix } from './each-mount.ts'
import { excludedOperations } from './exclusions.ts'
import {
  fsx,
  fsxTimeoutMs,
  runFsx,
  weightsOf,
  type FsxMode,
  type FsxOperation,
  type FsxWeights,
} from './fsx.ts'
import { installCrate, installTimeoutMs } from './install-crate.ts'

const operations = Number(process.env['FSX_OPERATIONS'] ?? 100_000)
/** Where nobody looks a failure must not depend on chance. */
const seed = Number(process.env['FSX_SEED'] ?? (process.env['CI'] ? 1 : randomInt(2 ** 31)))

interface Pass {
  readonly name: string
  readonly mode: FsxMode
  readonly mountArguments: readonly string[]
  readonly drivers: readonly DriverName[]
  /** The file is uploaded, and read from the server, between operations. */
  readonly isUploaded?: boolean
}

const both: readonly DriverName[] = ['native', 'libfuse2']
const unsent = '--quiet-time=1h'

const passes: readonly Pass[] = [
  { name: 'reads and writes', mode: 'buffered', mountArguments: [unsent], drivers: both },
  { name: 'mappings', mode: 'mmap', mountArguments: [unsent], drivers: both },
  { name: 'direct I/O', mode: 'direct', mountArguments: [unsent], drivers: both },
  {
    name: 'mappings, while the kernel collects writes',
    mode: 'mmap',
    mountArguments: [unsent, '--writeback-cache'],
    drivers: ['native'],
  },
  {
    name: 'reads and writes, with uploads in between',
    mode: 'buffered',
    mountArguments: ['--quiet-time=0'],
    drivers: both,
    isUploaded: true,
  },
]

/** All weights but those of what the driver cannot do. */
function weightsFor(driver: DriverName, mode: FsxMode): FsxWeights {
  const excluded = Object.keys(excludedOperations[driver]).map((operation) => [operation, 0])
  return { ...weightsOf[mode], ...Object.fromEntries(excluded) }
}

/** Only writes and `operation`. */
function onlyWritesAnd(operation: FsxOperation): FsxWeights {
  const none = Object.fromEntries(Object.keys(weightsOf.buffered).map((name) => [name, 0]))
  return { ...(none as unknown as FsxWeights), write: 1, [operation]: 1 }
}

await describePosix('fsx', (driver) => {
  let program: string
  let place: Workplace

  beforeAll(async () => {
    program = await installCrate(fsx)
  }, installTimeoutMs)
  afterEach(() => place?.close())

  for (const pass of passes.filter(({ drivers }) => drivers.includes(driver))) {
    it(
      `finds every byte in ${operations} operations: ${pass.name} (seed ${seed})`,
      async () => {
        place = await Workplace.open({ driver })
        const mount = await place.mount({ args: pass.mountArguments })
        const mark = place.mark()
        await runFsx(program, place.at('file'), join(place.scratch, 'fsx'), {
          weights: weightsFor(driver, pass.mode),
          isDirect: pass.mode === 'direct',
          operations,
          seed,
        })
        if (pass.isUploaded) expect(mark.counts()['PUT /file/content']).toBeGreaterThan(operations / 1000)
        const bytes = await readFile(place.at('file'))
        await mount.settle()
        expectBytes(await place.drive.bytes('file'), bytes)
      },
      fsxTimeoutMs,
    )
  }

  for (const [operation, reason] of Object.entries(excludedOperations[driver])) {
    it(`cannot do ${operation}: ${reason}`, async () => {
      place = await Workplace.open({ driver })
      await place.mount()
      const weights = onlyWritesAnd(operation as FsxOperation)
      const run = runFsx(program, place.at('file'), join(place.scratch, 'fsx'), {
        weights,
        operations: 50,
        seed: 1,
      })
      await expect(run).rejects.toThrow('EOPNOTSUPP')
    })
  }
})
