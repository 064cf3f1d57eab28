import { readFile, readdir, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { patterned } from '../conformance/suite.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'
import { RunningProgram } from './running-program.ts'

/** What a program is told whose mount has died: ENOTCONN, ECONNABORTED or EIO. */
const cutOff = [107, 103, 5]

/** Each says a line for every round that was done, and ends with the errno of what failed. */
const programs = {
  reader: `while (1) { open(F, '<', "$ARGV[0]/big.bin") or exit($!+0); while (1) { my $n = sysread(F, my $b, 65536);
    defined $n or exit($!+0); last if $n == 0 } close(F); print "read\\n" }`,
  lister: `while (1) { opendir(D, "$ARGV[0]/folder") or exit($!+0); my @n = readdir(D); closedir(D);
    for (@n) { lstat("$ARGV[0]/folder/$_") or exit($!+0) } print "listed\\n" }`,
  // A file is acknowledged when its close has returned: its line has the number.
  writer: `for (my $i = 0; ; $i++) { open(F, '>', "$ARGV[0]/w$i.txt") or exit($!+0);
    defined syswrite(F, "content of $i\\n" x 500) or exit($!+0); close(F) or exit($!+0); print "$i\\n" }`,
  appender: `open(F, '>>', "$ARGV[0]/log.txt") or exit($!+0);
    for (my $i = 0; ; $i++) { defined syswrite(F, "line $i\\n") or exit($!+0); print "$i\\n" }`,
  // Folders are kept, with their last names, when the calls have returned.
  maker: `for (my $i = 0; ; $i++) { mkdir("$ARGV[0]/d$i") or exit($!+0);
    rename("$ARGV[0]/d$i", "$ARGV[0]/e$i") or exit($!+0); print "$i\\n" }`,
} as const

type Name = keyof typeof programs

await describeMounts('a process that is killed under load', ['perl', 'fusermount3'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeEach(async () => {
    place = await Workplace.open({ driver })
    await place.server.admin.write('/big.bin', patterned(3_000_000, 3))
    for (let i = 0; i < 20; i += 1) await place.server.admin.write(`/folder/f${i}`, `${i}`)
    mount = await place.mount()
  })
  afterEach(() => place?.close())

  it('cuts its programs off, keeps none of them, and loses nothing that was acknowledged', async () => {
    const names = Object.keys(programs) as Name[]
    const running = new Map(
      names.map((name) => [name, RunningProgram.perl(programs[name], place.mountpoint)] as const),
    )
    for (const program of running.values()) await program.printed(5)
    place.expectCuts()
    mount.kill('SIGKILL')
    await mount.gone()
    for (const [name, program] of running) {
      const { code } = await program.ended()
      expect(cutOff, `${name}: ${program.stderr}`).toContain(code)
    }

    mount = await place.mount()
    for (let i = 0; i < running.get('writer')!.lines.length; i += 1)
      expect(await readFile(place.at(`w${i}.txt`), 'utf8')).toBe(contentOf(i))
    const appended = running
      .get('appender')!
      .lines.map((line) => `line ${line}\n`)
      .join('')
    expect((await readFile(place.at('log.txt'), 'utf8')).startsWith(appended)).toBe(true)
    const made = running.get('maker')!.lines.map((line) => `e${line}`)
    expect(await readdir(place.mountpoint)).toEqual(expect.arrayContaining(made))

    await writeFile(place.at('after.txt'), 'works again')
    await mount.settle()
    expect((await place.drive.bytes('after.txt')).toString()).toBe('works again')
    for (let i = 0; i < running.get('writer')!.lines.length; i += 1)
      expect((await place.drive.bytes(`w${i}.txt`)).toString()).toBe(contentOf(i))
    expect((await place.drive.bytes('log.txt')).toString().startsWith(appended)).toBe(true)
    expect(await mount.status()).toMatchObject({ uploads: [], lostAndFound: [] })
  })
})

function contentOf(index: number): string {
  return `content of ${index}\n`.repeat(500)
}
