import { expect, it } from 'vitest'
import { mountAt, parseMountinfo } from '../../../src/fuse/mountinfo.ts'

const text = `22 27 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
27 1 253:1 / / rw,relatime shared:1 master:2 - ext4 /dev/vda1 rw
42 27 0:39 / /home/anna/my\\040cloud rw,nosuid,nodev,relatime - fuse.cloudreve-mount https://cloud.example.com/a,b\\134c rw,user_id=0
43 42 0:40 / /home/anna/my\\040cloud rw - fuse.rclone remote: rw
44 27 0:41 / /home/anna/größe rw - tmpfs tmpfs rw
`

it('reads the fields of each mount, whatever the number of tags', () => {
  expect(parseMountinfo(text).map(({ id, type, source }) => [id, type, source])).toEqual([
    [22, 'sysfs', 'sysfs'],
    [27, 'ext4', '/dev/vda1'],
    [42, 'fuse.cloudreve-mount', String.raw`https://cloud.example.com/a,b\c`],
    [43, 'fuse.rclone', 'remote:'],
    [44, 'tmpfs', 'tmpfs'],
  ])
})

it('undoes the escapes of mountpoints and leaves other letters alone', () => {
  const mountpoints = parseMountinfo(text).map(({ mountpoint }) => mountpoint)
  expect(mountpoints).toEqual(['/sys', '/', '/home/anna/my cloud', '/home/anna/my cloud', '/home/anna/größe'])
})

it('the last mount on a folder is the one that programs see', () => {
  const mounts = parseMountinfo(text)
  expect(mountAt(mounts, '/home/anna/my cloud')?.id).toBe(43)
  expect(mountAt(mounts, '/home/anna')).toBeUndefined()
})

it('leaves out lines that it does not understand', () => {
  expect(parseMountinfo('\nsomething else\n1 2 3 - \n')).toEqual([])
})
