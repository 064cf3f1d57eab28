import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'

interface Line {
  readonly level: string
  readonly check: string
  readonly text: string
}

/** Headings, remedies and the sum are left out. */
function linesOf(stdout: string): Line[] {
  const lines = stdout.matchAll(/^ {2}(ok|warn|fail) +(\S.{13,}?) (\S.*)$/gm)
  return [...lines].map(([, level = '', check = '', text = '']) => ({ level, check: check.trim(), text }))
}

const ofTheMachine = ['kernel', '/dev/fuse', 'fusermount3', 'fuse.conf', 'native driver', 'libfuse2 driver']
const ofTheFolders = ['mounts', 'mountpoint', 'state folder', 'cache folder', 'runtime folder', 'saved files']
const ofTheAccount = ['server', 'sign-in', 'clock', 'versions', 'space', 'contents']

await describeMounts('doctor, beside a mount', [], (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('file.txt', 'to be read')
    await place.mount()
  })
  afterAll(() => place?.close())

  it('says of all that a mount needs how it is, and ends with 0', async () => {
    const { stdout, stderr, exitCode } = await place.cli(['doctor', place.mountpoint])
    expect({ stderr, exitCode }, stdout).toEqual({ stderr: '', exitCode: 0 })
    const lines = linesOf(stdout)
    expect(lines.map(({ check }) => check)).toEqual([
      ...ofTheMachine,
      'driver',
      ...ofTheFolders,
      ...ofTheAccount,
    ])
    // How much room there is, and who may mount, is the machine's.
    expect(lines.filter(({ level }) => level === 'fail')).toEqual([])
    expect(lines.filter(({ check }) => ofTheAccount.includes(check)).map(({ level }) => level)).toEqual(
      ofTheAccount.map(() => 'ok'),
    )
    const textOf = (wanted: string) => lines.find(({ check }) => check === wanted)?.text
    expect(textOf(`${driver} driver`)).toMatch(/^loads, /)
    expect(textOf('driver')).toContain(`${driver} would be used: it was asked for`)
    expect(textOf('mountpoint')).toContain(`${place.mountpoint} is a mount of ${place.server.email}`)
    expect(textOf('server')).toContain(`${place.server.url} answers: Cloudreve`)
    expect(stdout).not.toContain(place.server.password)
  })

  it('says what fails and what helps, and ends as an unreachable server does', async () => {
    await place.server.goOffline()
    const { stdout, exitCode } = await place.cli(['doctor'])
    await place.server.goOnline()
    expect(exitCode, stdout).toBe(5)
    const [failed, ...others] = linesOf(stdout).filter(({ level }) => level === 'fail')
    expect(failed).toMatchObject({ check: 'server', text: expect.stringContaining('cannot be reached') })
    expect(others).toEqual([])
    expect(stdout).toMatch(/fail +server .*\n +-> \S.*\n\n1 problem/)
  })
})
