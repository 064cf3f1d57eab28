import { describe, expect, it } from 'vitest'
import { loadTrouble, whyNotLoaded } from '../../../../src/fuse/libfuse2/addon.ts'
import type { DriverState, DriverWish } from '../../../../src/mount/choose-driver.ts'
import { examineDrivers } from '../../../../src/mount/doctor/drivers.ts'
import type { Finding } from '../../../../src/mount/doctor/finding.ts'
import { able, broken, limited, probing } from '../../../fakes/driver-states.ts'

async function examined(
  native: DriverState,
  libfuse2: DriverState,
  wish: DriverWish = 'auto',
): Promise<{ lines: Finding[]; asked: string[] }> {
  const { probe, asked } = probing({ native, libfuse2 })
  const lines: Finding[] = []
  for await (const finding of examineDrivers(probe, wish)) lines.push(finding)
  return { lines, asked }
}

const sick = (name: string) =>
  name === 'native' ? Promise.reject(new Error('EIO: the disk is sick')) : Promise.resolve(limited)

describe('the drivers', () => {
  it('have a line each, then the one that would be used; each is loaded once', async () => {
    const { lines, asked } = await examined(able, limited)
    expect(lines).toEqual([
      { check: 'native driver', level: 'ok', text: 'loads, prebuilt' },
      { check: 'libfuse2 driver', level: 'ok', text: 'loads, built here' },
      { check: 'driver', level: 'ok', text: 'native would be used: it is the better one' },
    ])
    expect(asked).toEqual(['native', 'libfuse2'])
  })

  it('that nobody needs may be absent, with what makes them usable', async () => {
    const { lines } = await examined(able, broken('libfuse2'))
    expect(lines.map(({ level }) => level)).toEqual(['ok', 'ok', 'ok'])
    expect(lines[1]).toMatchObject({
      text: 'not usable: the libfuse2 driver is broken',
      remedy: 'mend the libfuse2 driver',
    })
  })

  it('warn where libfuse2 has to do, with what makes the native one usable', async () => {
    const { lines } = await examined(broken('native'), limited)
    expect(lines[2]).toMatchObject({ level: 'warn', remedy: 'mend the native driver' })
    expect(lines[2]!.text).toContain('modification times')
  })

  it('fail where neither can be used, or not the one that the options name', async () => {
    const both = await examined(broken('native'), broken('libfuse2'))
    expect(both.lines[2]).toMatchObject({ level: 'fail' })
    expect(both.lines[2]!.remedy).toContain('mend the libfuse2 driver')
    const named = await examined(able, broken('libfuse2'), 'libfuse2')
    expect(named.lines[2]).toMatchObject({ level: 'fail', text: 'the libfuse2 driver is broken' })
  })

  it('that were asked for are told what they cannot do', async () => {
    const { lines } = await examined(able, limited, 'libfuse2')
    expect(lines[2]!.text).toMatch(/^libfuse2 would be used: it was asked for; with it, modification times/)
  })

  it('that were not built get the sentence that a mount would end with', async () => {
    const error = new Error('No native build was found for platform=linux arch=x64')
    const { lines } = await examined(able, loadTrouble(error), 'libfuse2')
    expect(lines[2]!.remedy).toContain('libfuse-dev pkg-config python3 build-essential')
    expect(`${lines[2]!.text}: ${lines[2]!.remedy}`).toContain(whyNotLoaded(error))
  })

  it('whose look goes wrong are a finding, and the others go on', async () => {
    const lines: Finding[] = []
    for await (const finding of examineDrivers(sick, 'libfuse2')) lines.push(finding)
    expect(lines.map(({ level }) => level)).toEqual(['fail', 'ok', 'ok'])
  })
})
