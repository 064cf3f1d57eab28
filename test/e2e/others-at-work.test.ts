import { readdir, readFile, stat } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'
import { RunningProgram } from './running-program.ts'

/** Five of them the server waits; the rest is a busy machine. */
const seen = { timeout: 15_000, interval: 20 }

/** Stands in a folder, and says at each signal what can be seen of it from there. */
const stand = `
use POSIX ();
chdir $ARGV[0] or die "chdir: $!";
$SIG{USR1} = sub {
  my $path = POSIX::getcwd();
  print 'getcwd: ', defined $path ? 'a path' : "$!", "\\n";
  if (opendir(my $folder, '.')) { print 'names: ', join(' ', sort grep { !/^\\.\\.?$/ } readdir $folder), "\\n" }
  else { print "opendir: $!\\n" }
};
print "in\\n";
sleep 1 while 1;
`

await describeMounts('what others are at', ['perl'], (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('stood/in/f', 'x')
    await place.drive.put('old.txt', 'complete')
    const mount = await place.mount()
    await vi.waitFor(
      async () => expect(await mount.status()).toMatchObject({ changes: { state: 'live' } }),
      seen,
    )
  })
  afterAll(() => place?.close())

  it('who stands in a folder that they delete finds nothing there, and the mount goes on [E26]', async () => {
    const program = RunningProgram.perl(stand, place.at('stood/in'))
    await program.printed(1)
    const look = async () => {
      const before = program.lines.length
      program.kill('SIGUSR1')
      await program.printed(before + 2)
      return program.lines.slice(before)
    }
    expect(await look()).toEqual(['getcwd: a path', 'names: f'])
    await place.drive.remove('stood/in')
    const gone = 'No such file or directory'
    await vi.waitFor(async () => {
      expect(['names: ', `opendir: ${gone}`]).toContain((await look())[1])
      await expect(stat(place.at('stood/in'))).rejects.toMatchObject({ code: 'ENOENT' })
    }, seen)
    // What has no path any more our own driver can say; libfuse 2 cannot tell the kernel.
    if (driver === 'native') expect((await look())[0]).toBe(`getcwd: ${gone}`)
    expect(await readdir(place.at('stood'))).toEqual([])
    program.kill('SIGTERM')
    expect(await program.ended()).toMatchObject({ signal: 'SIGTERM' })
    expect(await readFile(place.at('old.txt'), 'utf8')).toBe('complete')
  })

  it('a file that they are uploading is not there, or is what it was, until that is complete [E25]', async () => {
    const bytes = Buffer.from('uploaded by others')
    const fresh = await place.drive.openSession('new.txt', bytes.length)
    const next = await place.drive.openSession('old.txt', bytes.length, { isVersion: true })
    // The server has told of them once this is seen.
    await place.drive.put('mark-1', 'x')
    await vi.waitFor(async () => expect(await readdir(place.mountpoint)).toContain('mark-1'), seen)
    expect((await readdir(place.mountpoint)).sort()).toEqual(['mark-1', 'old.txt', 'stood'])
    await expect(stat(place.at('new.txt'))).rejects.toMatchObject({ code: 'ENOENT' })
    expect((await stat(place.at('old.txt'))).size).toBe(8)
    expect(await readFile(place.at('old.txt'), 'utf8')).toBe('complete')
    for (const { sessionId } of [fresh, next])
      await place.drive.send('POST', `/file/upload/${sessionId}/0`, bytes)
    for (const name of ['new.txt', 'old.txt'])
      await vi.waitFor(
        async () => expect(await readFile(place.at(name), 'utf8')).toBe('uploaded by others'),
        seen,
      )
  })
})
