import { release } from 'node:os'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectedOf } from '../conformance/driver-differences.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'

/** Refusals are told by their errno's name; Python says ENOTSUP for EOPNOTSUPP, which is the same number. */
const preamble = `
import ctypes, errno, fcntl, os, select, sys, termios
libc = ctypes.CDLL(None, use_errno=True)
path = sys.argv[1]
def call(f, *a):
  try: return f(*a)
  except OSError as e: return errno.errorcode[e.errno]
def fallocate(mode, at, length):
  done = libc.fallocate(file, mode, ctypes.c_long(at), ctypes.c_long(length))
  return 'done' if done == 0 else errno.errorcode[ctypes.get_errno()]
file = os.open(path, os.O_RDWR)
`

/** FALLOC_FL_… of linux/falloc.h. */
const mode = { plain: 0, keepSize: 1, punchHole: 3, collapse: 8, zero: 16, zeroKeepSize: 17 } as const

await describeMounts('system calls that few programs use', ['python3'], (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    for (const name of ['seek', 'room', 'born', 'read', 'device'])
      await place.drive.put(name, 'x'.repeat(10_000))
    await place.mount()
  })
  afterAll(() => place?.close())

  /** What the script prints, as Python writes it. */
  async function python(name: string, script: string): Promise<string> {
    return (await run('python3', ['-c', preamble + script, place.at(name)])).trim()
  }

  it('lseek finds data and holes, and ENXIO past the end', async () => {
    const script = `
for whence in os.SEEK_DATA, os.SEEK_HOLE:
  print([call(os.lseek, file, at, whence) for at in (0, 5000, 9999, 10000, 20000)])`
    expect(await python('seek', script)).toBe(
      "[0, 5000, 9999, 'ENXIO', 'ENXIO']\n[10000, 10000, 10000, 'ENXIO', 'ENXIO']",
    )
  })

  it('fallocate makes room, within the file and behind it, and holes; or is not known [V12]', async () => {
    const script = `
def shown(): return (os.fstat(file).st_size, os.pread(file, 30000, 0).count(b'x'))
print(fallocate(${mode.keepSize}, 0, 20000), *shown())
print(fallocate(${mode.plain}, 0, 20000), *shown())
print(fallocate(${mode.punchHole}, 1000, 500), *shown())
print(fallocate(${mode.zero}, 19000, 2000), *shown())
print(fallocate(${mode.zeroKeepSize}, 2000, 500), *shown())
print(fallocate(${mode.collapse}, 0, 4096), *shown())`
    const isKnown = expectedOf(driver, 'fallocate')
    expect((await python('room', script)).split('\n')).toEqual(
      isKnown
        ? [
            'done 10000 10000',
            'done 20000 10000',
            'done 20000 9500',
            'done 21000 9500',
            'done 21000 9000',
            'ENOTSUP 21000 9000',
          ]
        : Array.from({ length: 6 }, () => 'ENOTSUP 10000 10000'),
    )
    // What a C library does then.
    expect(
      await python('room', 'print(call(os.posix_fallocate, file, 0, 30000), os.fstat(file).st_size)'),
    ).toBe('None 30000')
  })

  it('stat tells when a file was made, where the kernel asks for it [V13]', async () => {
    const made = Number(await run('stat', ['-c', '%W', place.at('born')]))
    const [major = 0, minor = 0] = release().split('.').map(Number)
    const isAsked = major > 6 || (major === 6 && minor >= 6)
    if (isAsked && expectedOf(driver, 'birthTime'))
      expect(Math.abs(Date.now() / 1000 - made)).toBeLessThan(600)
    else expect(made).toBe(0)
  })

  it('utimensat keeps an access time that was chosen, or accepts it only [A11][V14]', async () => {
    await run('touch', ['-a', '-d', '2001-02-03 04:05:06Z', place.at('read')])
    const [atime, mtime] = (await run('stat', ['-c', '%X %Y', place.at('read')])).trim().split(' ')
    expect(atime).toBe(expectedOf(driver, 'chosenAccessTimes') ? '981173106' : mtime)
  })

  it('ioctl is ENOTTY, as of any file, and poll finds files ready', async () => {
    const script = `
print(call(fcntl.ioctl, file, termios.TIOCGWINSZ, b'\\0' * 8))
ready = select.poll()
ready.register(file, select.POLLIN | select.POLLOUT)
print([events for _, events in ready.poll(0)] == [select.POLLIN | select.POLLOUT])
print(os.isatty(file))`
    expect(await python('device', script)).toBe('ENOTTY\nTrue\nFalse')
  })
})
