import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { listRunning } from '../../src/mount/registry.ts'
import { patterned } from '../conformance/suite.ts'
import { namespaceUnavailable } from '../harness/native-host.ts'
import { run, runToEnd } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { commandLine, Workplace } from './harness.ts'

const nobody = 65_534
const dropRights = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']

/** A mount namespace of its own, in which the device belongs to everybody, as on a desktop; then what follows, without rights. */
const asOrdinaryUser = `
mount -t tmpfs -o mode=755 none "$ROOM" && mknod -m 666 "$ROOM/fuse" c 10 229 && chmod 666 "$ROOM/fuse"
mount --bind "$ROOM/fuse" /dev/fuse
exec setpriv ${dropRights.join(' ')} sh -eu -c "$SESSION"`

const session = `
mounts() { "$NODE" "$CLI" "$@"; }
mounts "$MOUNTPOINT"
echo "owner $(stat -c '%u:%g' "$MOUNTPOINT") as $(id -u)"
echo "read $(sha256sum < "$MOUNTPOINT/old.bin")"
head -c 3000000 "$MOUNTPOINT/old.bin" > "$MOUNTPOINT/copy.bin"
echo 'by an ordinary user' > "$MOUNTPOINT/new.txt"
mounts umount "$MOUNTPOINT"
echo "left $(ls -A "$MOUNTPOINT")"

mounts "$MOUNTPOINT"
echo "again $(cat "$MOUNTPOINT/new.txt")"
kill -9 "$(mounts status --json | "$NODE" -pe 'JSON.parse(fs.readFileSync(0))[0].pid')"
while ls "$MOUNTPOINT" > /dev/null 2>&1; do :; done
mounts "$MOUNTPOINT"
echo "recovered $(cat "$MOUNTPOINT/new.txt")"
fusermount3 -u "$MOUNTPOINT"
while ! [ "$(mounts status --json)" = '[]' ]; do :; done
echo "ended $(ls -A "$MOUNTPOINT")"
`

await describeMounts('an ordinary user', ['unshare', 'setpriv', 'fusermount3', 'sha256sum'], (driver) => {
  let place: Workplace

  beforeEach(async () => {
    place = await Workplace.open({ driver })
    await place.server.admin.write('/old.bin', patterned(3_000_000, 5))
  })
  afterEach(async () => {
    // Of a case that went wrong: its mounts are in a namespace that ends with them.
    const left = await listRunning(join(place.scratch, 'run/cloudreve-mount'))
    for (const { pid } of left) process.kill(pid, 'SIGKILL')
    await place.close()
  })

  it('mounts, reads, writes, unmounts, and gets over a killed process, all without rights', async ({
    skip,
  }) => {
    const obstacle = namespaceUnavailable() ?? (await notReadable())
    if (obstacle !== undefined) skip(obstacle)
    const room = join(place.scratch, 'room')
    await run('mkdir', [room])
    await run('chown', ['-R', `${nobody}:${nobody}`, place.scratch])
    const env = {
      ...place.environment(),
      HOME: place.scratch,
      ROOM: room,
      SESSION: session,
      NODE: process.execPath,
      CLI: commandLine,
      MOUNTPOINT: place.mountpoint,
    }
    const { stdout, stderr, exitCode } = await runToEnd(
      'unshare',
      ['-m', 'sh', '-eu', '-c', asOrdinaryUser],
      {
        env,
        timeout: 150_000,
      },
    )
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
    const digest = await place.drive.sha256('old.bin')
    expect(
      stdout.split('\n').filter((line) => /^(owner|read|left|again|recovered|ended)/.test(line)),
    ).toEqual([
      `owner ${nobody}:${nobody} as ${nobody}`,
      `read ${digest}  -`,
      'left ',
      'again by an ordinary user',
      'recovered by an ordinary user',
      'ended ',
    ])
    expect((await place.drive.bytes('new.txt')).toString()).toBe('by an ordinary user\n')
    expect(await place.drive.sha256('copy.bin')).toBe(digest)
    expect(await readdir(place.mountpoint)).toEqual([])
  })
})

/** Why others may not run this checkout; undefined when they may. */
async function notReadable(): Promise<string | undefined> {
  const { exitCode } = await runToEnd('setpriv', [...dropRights, 'test', '-r', commandLine])
  return exitCode === 0 ? undefined : `${commandLine} may not be read by everybody`
}
