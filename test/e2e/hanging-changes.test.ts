import { readFile, stat } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { expectedOf } from '../conformance/driver-differences.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'
import { RunningProgram } from './running-program.ts'

interface Change {
  readonly what: string
  /** Whose answer it waits for. */
  readonly route: string
  /** In Perl; `$at` is the mounted folder. What comes before the last step is done at once. */
  readonly before?: string
  readonly call: string
  readonly sync: 'close' | 'fsync'
  /** What the file `old` holds from then on. */
  readonly shown?: string
}

const changes: readonly Change[] = [
  { what: 'mkdir', route: 'POST /file/create', call: 'mkdir("$at/new")', sync: 'close' },
  { what: 'symlink', route: 'POST /file/create', call: 'symlink("old", "$at/link")', sync: 'close' },
  { what: 'rename', route: 'POST /file/rename', call: 'rename("$at/old", "$at/new")', sync: 'close' },
  { what: 'unlink', route: 'DELETE /file', call: 'unlink("$at/old")', sync: 'close' },
  { what: 'rmdir', route: 'DELETE /file', call: 'rmdir("$at/empty")', sync: 'close' },
  { what: 'chmod', route: 'PATCH /file/metadata', call: 'chmod(0600, "$at/old")', sync: 'close' },
  { what: 'utimensat', route: 'PATCH /file/metadata', call: 'utime(1, 1, "$at/old")', sync: 'close' },
  { what: 'truncate', route: 'PUT /file/content', call: 'truncate("$at/old", 1)', sync: 'close', shown: 'o' },
  {
    what: 'close',
    route: 'PUT /file/content',
    before: 'open(my $file, ">", "$at/new"); syswrite($file, "x");',
    call: 'close($file)',
    sync: 'close',
  },
  {
    what: 'fsync',
    route: 'PUT /file/content',
    before: 'use IO::Handle; open(my $file, ">", "$at/new"); syswrite($file, "x");',
    call: '$file->sync',
    sync: 'fsync',
  },
]

await describeMounts('a change that hangs', ['perl'], (driver) => {
  const canBeEnded = expectedOf(driver, 'waitsCanBeEnded')
  let place: Workplace

  beforeEach(async () => {
    place = await Workplace.open({ driver })
    for (const name of ['old', 'other']) await place.server.admin.write(`/${name}`, name)
    await place.drive.createFolder('empty')
  })
  afterEach(() => place?.close())

  /** Only what waits for the server can hang; where closing a file is not heard, nothing but fsync does. */
  const waiting = changes.filter(({ sync }) => sync === 'fsync' || expectedOf(driver, 'closeIsHeard'))
  const cases = waiting.flatMap((change) =>
    (['SIGINT', 'SIGKILL'] as const).map((signal) => [change.what, signal, change] as const),
  )

  it.each(cases)('in %s stops nothing else, and %s ends its program [F4][V5]', async (...row) => {
    const [, signal, change] = row
    const { route, before = '', call, sync } = change
    const mount = await place.mount({ args: [`--sync=${sync}`, '--quiet-time=1h'] })
    // The kernel keeps a folder locked in which it makes, renames or removes something: only what it knows is found there then.
    for (const name of ['old', 'other', 'empty']) await stat(place.at(name))
    place.server.faults.add({ route, times: 5, kind: 'stall' })
    const script = `my $at = $ARGV[0]; ${before} print "going to\\n"; ${call} or exit($! + 0); exit 0;`
    const program = RunningProgram.perl(script, place.mountpoint)
    await program.printed(1)
    await place.server.faults.untilStalled(1)
    expect(await readFile(place.at('other'), 'utf8')).toBe('other')

    program.kill(signal)
    if (!canBeEnded) place.server.faults.clear()
    expect(await program.ended()).toMatchObject({ signal })
    if (canBeEnded) expect(place.server.faults.stalled).toBeGreaterThan(0)

    // Its program is gone, what it asked for is not.
    if (change.shown !== undefined) expect(await readFile(place.at('old'), 'utf8')).toBe(change.shown)
    place.server.faults.clear()
    await mount.settle()
  })
})
