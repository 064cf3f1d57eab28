import { readdir, readFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { patterned } from '../conformance/suite.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'
import { RunningProgram } from './running-program.ts'

/**
 * Rounds of 22 calls: a file is made, written, looked at, read, given an attribute, renamed and removed, and a folder and a file of
 * the drive are read. Nothing of it is to be remembered. Says a line when all its rounds are done.
 */
const rounds = `
my ($at, $count, $who, $set, $get) = @ARGV;
my ($name, $value) = ('user.mark', 'm');
sub fine { $_[0] or die "$_[1]: $!" }
for (my $i = 0; $i < $count; $i++) {
  my ($a, $b) = ("$at/$who-$i", "$at/$who-$i.renamed");
  fine(open(F, '+>', $a), 'open'); fine(syswrite(F, 'x' x 5000), 'write');
  fine(sysseek(F, 0, 0), 'seek'); fine(sysread(F, my $own, 5000) == 5000, 'read'); fine(close(F), 'close');
  fine(syscall($set + 0, $a, $name, $value, 1, 0) == 0, 'set'); my $mark = ' ';
  fine(syscall($get + 0, $a, $name, $mark, 1) == 1 && $mark eq 'm', 'get');
  fine((-s $a) == 5000, 'size'); fine(rename($a, $b), 'rename'); fine(lstat($b), 'lstat'); fine(!lstat($a), 'gone');
  fine(opendir(D, "$at/folder"), 'opendir'); my @names = readdir(D); fine(@names == 12, 'names'); closedir(D);
  for my $n (0 .. 3) { fine(lstat("$at/folder/f$n"), 'lstat f') }
  fine(open(F, '<', "$at/folder/f0"), 'open f0'); fine(sysread(F, my $far, 4096) == 4096, 'read f0'); close(F);
  fine(unlink($b), 'unlink');
}
print "done\\n";
`

const callsPerRound = 22
/** Numbers of setxattr(2) and getxattr(2). */
const xattrCalls = process.arch === 'arm64' ? ['5', '8'] : ['188', '191']

/** Garbage is collected soon, so that what is left is what is held. */
const steadyHeap = '--max-semi-space-size=1 --max-old-space-size=64'

await describeMounts('many operations', ['perl'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeEach(async () => {
    place = await Workplace.open({ driver })
    for (let i = 0; i < 10; i += 1) await place.server.admin.write(`/folder/f${i}`, patterned(8192, i))
    mount = await place.mount({ nodeOptions: steadyHeap })
  })
  afterEach(() => place?.close())

  it('leave no descriptor and no memory behind: 100,000 after a warm-up of 20,000', async () => {
    await work(20_000)
    const before = await resourcesOf(mount.pid)
    await work(100_000)
    const after = await resourcesOf(mount.pid)
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2)
    // 160 bytes an operation; what V8 holds is seen to differ by 4 MiB.
    expect(after.residentMib).toBeLessThan(before.residentMib + 15)
  })

  /** By two programs at once. */
  async function work(calls: number): Promise<void> {
    const count = Math.ceil(calls / callsPerRound / 2)
    const programs = ['a', 'b'].map((who) =>
      RunningProgram.perl(rounds, place.mountpoint, String(count), who, ...xattrCalls),
    )
    for (const program of programs)
      expect(await program.finished(), program.stderr).toMatchObject({ code: 0 })
    await mount.settle()
  }
})

async function resourcesOf(pid: number): Promise<{ descriptors: number; residentMib: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const residentMib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024
  return { descriptors: (await readdir(`/proc/${pid}/fd`)).length, residentMib }
}
