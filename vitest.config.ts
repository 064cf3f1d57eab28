import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// The rings: `unit` and `drive` need neither network nor mount, and what is tried there is a part, or the whole core; `http` is
// client and embedded server over real HTTP on this machine; `addon` is native/ on real mounts; `model` compares random operations
// with a reference, `conformance` runs the same cases over every engine; `e2e` runs the built command line; `posix` runs suites that
// others wrote over it; `crash` kills processes.
// Real mounts and disks of shared machines stall now and then for longer than any deadline: one more try, in CI only. A test that
// needed it is marked in the output.
const retry = process.env['CI'] ? 1 : 0
/** Where random values come from is said there. */
const setupFiles = ['test/seed.ts']
/** No unit waits for anything real; a machine that is busy with other things may still be slow. */
const unitTimeout = process.env['CI'] ? 60_000 : 10_000
/** Modules are loaded once for all files: loading them took longer than the tests. No file may leave anything behind. */
const quick = {
  pool: 'threads',
  isolate: false,
  setupFiles,
  maxWorkers: availableParallelism(),
  // After the rings with fewer workers, where several are run by one command.
  sequence: { groupOrder: 1 },
  testTimeout: unitTimeout,
  // Some wait for the local disk, in real time, while their clock stands still.
  retry,
  env: temporaryFolder(),
} as const

/** What these tests prove needs no disk, whose `fsync` would be half of their time. */
function temporaryFolder(): Record<string, string> {
  return existsSync('/dev/shm') ? { TMPDIR: '/dev/shm' } : {}
}

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], ...quick } },
      { test: { name: 'drive', include: ['test/drive/**/*.test.ts'], ...quick } },
      { test: { name: 'http', include: ['test/http/**/*.test.ts'], ...quick } },
      {
        test: {
          name: 'addon',
          include: ['test/addon/**/*.test.ts'],
          setupFiles,
          testTimeout: unitTimeout,
          retry,
        },
      },
      { test: { name: 'model', include: ['test/model/**/*.test.ts'], setupFiles, testTimeout: 600_000 } },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          setupFiles,
          globalSetup: ['test/conformance/libfuse2/build.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          retry,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          retry,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts'],
          globalSetup: ['test/crash/build.ts'],
          // Ten minutes, or ten times as long on a machine that is busy with other things: each run has an end of its own.
          testTimeout: 7_200_000,
        },
      },
      {
        test: {
          name: 'posix',
          include: ['test/posix/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
