// `npm test`: set-up, then one ring after the other, from the quick ones to those that mount. Stops at the first ring that
// fails. The last line is always `tests: N passed, N failed, N skipped`, over all rings that ran.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drivers, hasCommand, root, run, setUp } from './setup.mjs'

const rings = [
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'typecheck', command: ['npm', 'run', '--silent', 'typecheck'] },
  { name: 'unit', isVitest: true },
  { name: 'drive', isVitest: true },
  { name: 'http', isVitest: true },
  { name: 'addon', isVitest: true, needsMount: true, obstacle: obstacleToAddon },
  // The addon's tests once more, over a build that stops at the first wrong access to memory and at undefined behaviour.
  {
    name: 'sanitize',
    isVitest: true,
    needsMount: true,
    obstacle: obstacleToSanitizers,
    project: 'addon',
    variables: { NATIVE_SANITIZE: '1' },
  },
  { name: 'model', isVitest: true },
  { name: 'conformance', isVitest: true },
  { name: 'e2e', isVitest: true, needsMount: true },
  {
    name: 'posix',
    isVitest: true,
    needsMount: true,
    obstacle: obstacleToSuites,
    variables: { FSX_OPERATIONS: '10000' },
  },
  { name: 'crash', isVitest: true },
]

/** How a build with sanitizers ends where the compiler has none. */
const NO_SANITIZERS = 3

const total = { passed: 0, failed: 0, skipped: 0 }
const skippedRings = []

function runAll() {
  setUp({ tests: true })
  const usable = Object.keys(drivers).filter((name) => drivers[name]())
  const obstacle = obstacleToMounting(usable)
  if (obstacle && process.env.CI) throw new Error(`cannot mount here: ${obstacle}`)
  if (!obstacle) tellUnusable(usable)
  // Suites that mount in some of their cases skip those by themselves; where mounting works, none may, with the drivers that do.
  const environment = obstacle ? process.env : { ...process.env, REQUIRE_MOUNT: usable.join(',') }
  for (const ring of rings) {
    process.stdout.write(`\n== ${ring.name}\n`)
    const why = (ring.needsMount && obstacle) || ring.obstacle?.()
    if (why) {
      process.stdout.write(`skipped: ${why}\n`)
      skippedRings.push(ring.name)
      continue
    }
    const passed = ring.isVitest ? runVitest(ring, environment) : run(ring.command, { mayFail: true })
    if (!passed) throw new Error(`the ring "${ring.name}" failed`)
  }
}

/** In CI each driver must prove itself; elsewhere what needs one that is not there is left out. */
function tellUnusable(usable) {
  for (const name of Object.keys(drivers).filter((each) => !usable.includes(each))) {
    const why = `the driver ${name} could not be loaded (see the lines of the set-up)`
    if (process.env.CI) throw new Error(why)
    process.stdout.write(`\n${why}: what needs it is skipped\n`)
  }
}

/** The ring tries what was compiled here, not what came with a package. In CI it must. */
function obstacleToAddon() {
  if (existsSync(join(root, 'native/build/Release/cloudreve_fuse.node'))) return undefined
  const why = 'the native addon was not compiled (see the lines of the set-up)'
  if (process.env.CI) throw new Error(why)
  return why
}

/**
 * Builds the addon with the sanitizers, which must catch the bugs that are planted for them. Answers why there are none here, in
 * words; in CI that is a failure.
 */
function obstacleToSanitizers() {
  const { status } = spawnSync(process.execPath, ['.ci/scripts/build-native.mjs', '--sanitize'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status === 0) return undefined
  const reason = 'the addon cannot be built with sanitizers on this machine'
  if (status === NO_SANITIZERS && !process.env.CI) return reason
  throw new Error(status === NO_SANITIZERS ? reason : 'the build with sanitizers failed')
}

function runVitest({ name, project = name, variables = {} }, environment) {
  const folder = mkdtempSync(join(tmpdir(), 'cloudreve-mount-tests-'))
  const report = join(folder, 'report.json')
  try {
    const words = [
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const passed = run([process.execPath, vitest, ...words], {
      env: { ...variables, ...environment },
      mayFail: true,
    })
    const ran = existsSync(report) ? count(report) : 0
    return passed && ran > 0
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Adds a ring's report to the total and answers how many tests ran. */
function count(report) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  // A file that could not even be loaded has no tests in the report, yet it is a failure.
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  total.passed += numPassedTests
  total.failed += numFailedTests + broken.length
  total.skipped += numPendingTests + numTodoTests
  return numPassedTests + numFailedTests
}

/** Why nothing can be mounted, in words; `undefined` when it can. */
function obstacleToMounting(usable) {
  if (!existsSync('/dev/fuse') && process.getuid?.() === 0) {
    spawnSync('mknod', ['-m', '666', '/dev/fuse', 'c', '10', '229'], { stdio: 'inherit' })
  }
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
  } catch (error) {
    return `/dev/fuse cannot be opened (${error.code}): give the container --device /dev/fuse --cap-add SYS_ADMIN`
  }
  return usable.length > 0 ? undefined : 'no FUSE driver could be loaded (see the lines of the set-up)'
}

/** Why the suites that others wrote cannot run; `undefined` when they can. Nobody is asked to install a compiler for them. */
function obstacleToSuites() {
  if (process.getuid?.() !== 0) return 'only root can take the part of several users'
  return hasCommand('cargo') ? undefined : 'cargo, which compiles its suites, is not installed'
}

let failure
try {
  runAll()
} catch (error) {
  failure = error
  // A run can fail without a failed test: set-up, lint, types, no tests at all, a runner that died.
  total.failed = Math.max(total.failed, 1)
}
const left = skippedRings.length > 0 ? ` (not run: ${skippedRings.join(', ')})` : ''
if (failure) process.stderr.write(`\n${failure.message}\n`)
process.stdout.write(
  `\ntests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped${left}\n`,
)
process.exitCode = failure ? 1 : 0
