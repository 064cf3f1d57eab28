import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Errno } from '../../src/base/errno.ts'
import { expectBytes, patterned } from '../conformance/suite.ts'
import { expectedOf } from '../conformance/driver-differences.ts'
import { describeMounts } from './each-driver.ts'
import { contentRoute, Workplace, type Mount } from './harness.ts'
import { RunningProgram } from './running-program.ts'

const ECONNABORTED = 103

/** Reads as many files as there are arguments, each in a process of its own; ends when all have ended. */
const readEach = `
for my $path (@ARGV) {
  next if fork;
  open(my $file, '<', $path) or exit($! + 0);
  sysread($file, my $bytes, 4096) or exit($! + 0);
  exit 0;
}
print "begun\\n";
my %ends; while ((my $pid = wait) > 0) { $ends{$?}++ }
print join(' ', map { "$_:$ends{$_}" } sort keys %ends), "\\n";
`

/** Writes so many files of 1 MiB, each in a process of its own; a line for each that is about to write, and one when all have. */
const writeEach = `
my ($at, $count) = @ARGV;
for my $i (1 .. $count) {
  next if fork;
  open(my $file, '>', "$at/w$i") or exit($! + 0);
  print "begins\\n";
  exit((syswrite($file, 'x' x 1048576) // 0) == 1048576 ? 0 : $! + 0);
}
my %ends; while ((my $pid = wait) > 0) { $ends{$?}++ }
print 'ends ', join(' ', map { "$_:$ends{$_}" } sort keys %ends), "\\n";
`

/** Does one thing to a path, and says before that it is going to; ends with the errno. */
const does = (call: string) => `my $path = $ARGV[0]; print "going to\\n"; ${call} or exit($! + 0); exit 0;`

await describeMounts('a server that does not answer', ['perl', 'getfattr'], (driver) => {
  /** The kernel tells of a program that is to be ended, and its request can be answered. */
  const canBeEnded = expectedOf(driver, 'waitsCanBeEnded')
  let place: Workplace
  let mount: Mount

  beforeEach(async () => {
    place = await Workplace.open({ driver })
  })
  afterEach(() => place?.close())

  /** Everything that waits is answered, where nothing else helps. */
  function answerUnlessEnded(): void {
    if (!canBeEnded) place.server.faults.clear()
  }

  /** What the kernel writes back shares a queue with what it reads ahead. */
  const waysToMount: readonly (readonly [string, readonly string[]])[] =
    driver === 'native'
      ? [
          ['', []],
          [' with the writeback cache', ['--writeback-cache']],
        ]
      : [['', []]]

  it.each(waysToMount)(
    '200 reads that hang%s stop nothing else, and their programs can be ended [F3][F4]',
    async (...way) => {
      const count = 200
      for (let i = 0; i < count; i += 1) await place.server.admin.write(`/stuck/f${i}`, patterned(200_000, i))
      await place.server.admin.write('/other.bin', patterned(300_000, 7))
      await place.server.admin.write('/folder/file', 'x')
      mount = await place.mount({ args: way[1] })
      await readdir(place.at('stuck'))
      place.server.faults.add({ route: contentRoute, times: count, kind: 'stall' })
      const paths = Array.from({ length: count }, (_, i) => place.at(`stuck/f${i}`))
      const readers = RunningProgram.perl(`setpgrp; print "$$\\n"; ${readEach}`, ...paths)
      await place.server.faults.untilStalled(count)

      expect((await stat(place.at('stuck/f1'))).size).toBe(200_000)
      expect(await readdir(place.at('folder'))).toEqual(['file'])
      expectBytes(await readFile(place.at('other.bin')), patterned(300_000, 7))
      await writeFile(place.at('new.bin'), patterned(2_000_000, 8))
      await mkdir(place.at('new'))
      await mount.settle()
      expectBytes(await place.drive.bytes('new.bin'), patterned(2_000_000, 8))

      // Nothing of this has waited for them.
      expect(readers.isRunning).toBe(true)
      process.kill(-Number(readers.lines[0]), 'SIGTERM')
      answerUnlessEnded()
      expect(await readers.ended()).toMatchObject({ signal: 'SIGTERM' })
    },
  )

  it('200 writes that hang stop nothing else', async () => {
    await place.server.admin.write('/other.bin', patterned(300_000, 7))
    // Each write may be too much: the server is asked whether there is more room.
    place.server.admin.setQuota(place.server.admin.usedBytes() + 1000)
    mount = await place.mount()
    place.server.faults.add({ route: 'GET /user/capacity', times: 100, kind: 'stall' })
    const writers = RunningProgram.perl(writeEach, place.mountpoint, '200')
    await place.server.faults.untilStalled(1)
    await writers.printed(200)
    expectBytes(await readFile(place.at('other.bin')), patterned(300_000, 7))
    expect((await readdir(place.mountpoint)).length).toBe(201)
    // None of them is done yet; without an answer they are not refused.
    expect(writers.lines).toHaveLength(200)
    expect(await writers.finished()).toMatchObject({ code: 0 })
    expect(writers.lines.at(-1)).toBe('ends 0:200')
  })

  it.each([
    ['a listing', 'GET /file', 'opendir(FOLDER, $path) && readdir(FOLDER)', 'SIGINT'],
    ['a look-up', 'GET /file', 'stat("$path/inner")', 'SIGTERM'],
  ] as const)(
    '%s (%s) that hangs stops nothing else, and its program can be ended [F3][F4][V5]',
    async (...row) => {
      const [, route, call, signal] = row
      await place.drive.createFolder('far/inner')
      await place.server.admin.write('/near/file', 'x')
      mount = await place.mount()
      await readdir(place.at('near'))
      place.server.faults.add({ route, times: 3, kind: 'stall' })
      // The second waits for the first where both change one folder, or ask for the same listing.
      const programs = [1, 2].map(() => RunningProgram.perl(does(call), place.at('far')))
      await place.server.faults.untilStalled(1)
      await Promise.all(programs.map((program) => program.printed(1)))

      expect(await readFile(place.at('near/file'), 'utf8')).toBe('x')
      await writeFile(place.at('near/new'), 'written meanwhile')
      expect((await readdir(place.at('near'))).sort()).toEqual(['file', 'new'])

      for (const program of programs) program.kill(signal)
      answerUnlessEnded()
      for (const program of programs) expect(await program.ended()).toMatchObject({ signal })
    },
  )

  it('does not keep the process of the mount from being killed, which frees the programs that wait', async () => {
    await place.drive.createFolder('far/inner')
    mount = await place.mount()
    await stat(place.at('far'))
    place.server.faults.add({ route: 'GET /file', times: 3, kind: 'stall' })
    const program = RunningProgram.perl(does('stat("$path/inner")'), place.at('far'))
    await place.server.faults.untilStalled(1)
    place.expectCuts()
    mount.kill('SIGKILL')
    await mount.gone()
    expect([Errno.ENOTCONN, ECONNABORTED, Errno.EIO]).toContain((await program.ended()).code)
  })

  it('an attribute that hangs stops nothing else, and its program can be ended', async () => {
    await place.drive.put('file', 'x')
    mount = await place.mount()
    await stat(place.at('file'))
    place.server.faults.add({ route: 'GET /file/info', times: 3, kind: 'stall' })
    const words = ['--only-values', '-n', 'user.cloudreve.versions', place.at('file')]
    const program = new RunningProgram('getfattr', words)
    await place.server.faults.untilStalled(1)
    expect(await readFile(place.at('file'), 'utf8')).toBe('x')
    program.kill('SIGTERM')
    answerUnlessEnded()
    expect(await program.ended()).toMatchObject({ signal: 'SIGTERM' })
  })
})
