import { describe, expect, it } from 'vitest'
import type { Finding } from '../../../../src/mount/doctor/finding.ts'
import { examineMachine } from '../../../../src/mount/doctor/machine.ts'
import type { MachineProbes } from '../../../../src/mount/doctor/machine-probes.ts'

const everything = { times: true, notifications: true, readdirPlus: true, interrupts: true, flush: true }

const healthy: MachineProbes = {
  kernelRelease: () => '6.8.0-45-generic',
  uid: () => 1000,
  openDevice: () => Promise.resolve(undefined),
  findProgram: (name) => Promise.resolve({ path: `/usr/bin/${name}`, isSetuidRoot: true }),
  readFuseConf: () => Promise.resolve('#mount_max = 1000\nuser_allow_other\n'),
  probeDriver: () => Promise.resolve({ origin: 'prebuilt', capabilities: everything }),
}

const noProgram = () => Promise.resolve(undefined)
const only = (there: string) => (name: string) =>
  Promise.resolve(name === there ? { path: `/usr/bin/${name}`, isSetuidRoot: true } : undefined)
const plainProgram = (name: string) => Promise.resolve({ path: `/usr/bin/${name}`, isSetuidRoot: false })
const commentedOut = () => Promise.resolve('#user_allow_other\n')

async function examined(changes: Partial<MachineProbes>, allowOther = false): Promise<Map<string, Finding>> {
  const found = new Map<string, Finding>()
  for await (const finding of examineMachine({ ...healthy, ...changes }, { allowOther, driver: 'auto' }))
    found.set(finding.check, finding)
  return found
}

describe('the machine', () => {
  it('that has everything makes no warning', async () => {
    const found = await examined({})
    expect([...found.keys()]).toEqual([
      'kernel',
      '/dev/fuse',
      'fusermount3',
      'fuse.conf',
      'native driver',
      'libfuse2 driver',
      'driver',
    ])
    expect([...found.values()].filter(({ level }) => level !== 'ok')).toEqual([])
  })

  it.each([
    ['5.4.0', 'ok'],
    ['5.10.0-amd64', 'ok'],
    ['5.3.18', 'warn'],
    ['4.19.0', 'warn'],
    ['who knows', 'warn'],
  ])('with kernel %s: %s', async (release, level) => {
    expect((await examined({ kernelRelease: () => release })).get('kernel')!.level).toBe(level)
  })

  it.each([
    ['ENOENT', 'modprobe fuse'],
    ['EPERM', '--device /dev/fuse'],
    ['EACCES', 'mode 0666'],
  ])('whose device answers %s is told: %s', async (code, remedy) => {
    const found = (await examined({ openDevice: () => Promise.resolve(code) })).get('/dev/fuse')!
    expect(found).toMatchObject({ level: 'fail', remedy: expect.stringContaining(remedy) as string })
  })

  it('without fusermount3 names the package; root needs none', async () => {
    expect((await examined({ findProgram: noProgram })).get('fusermount3')).toMatchObject({
      level: 'fail',
      remedy: expect.stringContaining('apt-get install fuse3') as string,
    })
    expect((await examined({ findProgram: noProgram, uid: () => 0 })).get('fusermount3')!.level).toBe('ok')
  })

  it('with fusermount3 alone has what it needs, whatever libfuse 2 wants', async () => {
    expect((await examined({ findProgram: only('fusermount3') })).get('fusermount3')!.level).toBe('ok')
  })

  it('with the old fusermount alone is warned that only libfuse 2 can mount', async () => {
    expect((await examined({ findProgram: only('fusermount') })).get('fusermount3')).toMatchObject({
      level: 'warn',
      text: expect.stringContaining('only libfuse 2') as string,
      remedy: expect.stringContaining('apt-get install fuse3') as string,
    })
  })

  it('whose fusermount3 is not setuid cannot mount', async () => {
    expect((await examined({ findProgram: plainProgram })).get('fusermount3')).toMatchObject({
      level: 'fail',
      remedy: expect.stringContaining('chmod u+s /usr/bin/fusermount3') as string,
    })
  })

  it('fails without user_allow_other only where allow-other is asked for', async () => {
    expect((await examined({ readFuseConf: commentedOut })).get('fuse.conf')!.level).toBe('ok')
    expect((await examined({ readFuseConf: commentedOut }, true)).get('fuse.conf')!.level).toBe('fail')
    expect((await examined({}, true)).get('fuse.conf')!.level).toBe('ok')
  })

  it('a look that goes wrong is a finding, and the others go on', async () => {
    const found = await examined({ readFuseConf: () => Promise.reject(new Error('EIO: the disk is sick')) })
    expect(found.get('fuse.conf')).toMatchObject({ level: 'fail' })
    expect(found.get('fuse.conf')!.text).toContain('the disk is sick')
    expect(found.get('driver')!.level).toBe('ok')
  })
})
