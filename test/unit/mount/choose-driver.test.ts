import { describe, expect, it } from 'vitest'
import { chooseDriver, limitsOf, NoDriverError } from '../../../src/mount/choose-driver.ts'
import { able, broken, limited, probing } from '../../fakes/driver-states.ts'

const neither = { native: broken('native'), libfuse2: broken('libfuse2') }

describe('the driver that nobody named', () => {
  it('is the native one where it can be used, and then libfuse2 is not even loaded', async () => {
    const { probe, asked } = probing({ native: able, libfuse2: limited })
    expect(await chooseDriver('auto', probe)).toEqual({
      ...able,
      name: 'native',
      why: 'it is the better one',
    })
    expect(asked).toEqual(['native'])
  })

  it('is libfuse2 elsewhere, with a note that says why, what it costs, and what helps', async () => {
    const { probe } = probing({ native: broken('native'), libfuse2: limited })
    const chosen = await chooseDriver('auto', probe)
    expect(chosen).toMatchObject({ name: 'libfuse2', remedy: 'mend the native driver' })
    expect(chosen.note).toContain('the native driver is broken')
    for (const limit of limitsOf(limited.capabilities)) expect(chosen.note).toContain(limit)
  })

  it('is an error with both reasons and both remedies where there is none', async () => {
    const failure = await chooseDriver('auto', probing(neither).probe).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NoDriverError)
    const { message } = failure as NoDriverError
    for (const words of [
      'native driver is broken',
      'libfuse2 driver is broken',
      'mend the native',
      'mend the libfuse2',
    ])
      expect(message).toContain(words)
  })
})

describe('a driver that was named', () => {
  it.each(['native', 'libfuse2'] as const)('%s is taken without a note', async (name) => {
    const { probe, asked } = probing({ native: able, libfuse2: limited })
    const chosen = await chooseDriver(name, probe)
    expect(chosen).toMatchObject({ name, why: 'it was asked for' })
    expect(chosen.note).toBeUndefined()
    expect(asked).toEqual([name])
  })

  it.each(['native', 'libfuse2'] as const)('%s is never replaced by the other', async (name) => {
    const states = { native: able, libfuse2: limited, [name]: broken(name) }
    const choice = chooseDriver(name, probing(states).probe)
    await expect(choice).rejects.toThrow(NoDriverError)
    await expect(choice).rejects.toThrow(`the ${name} driver is broken: mend the ${name} driver`)
  })

  it('keeps the cause of what went wrong', async () => {
    const cause = new Error('wrong ELF class')
    const { probe } = probing({ ...neither, native: { ...broken('native'), cause } })
    await expect(chooseDriver('native', probe)).rejects.toMatchObject({ cause })
  })
})

describe('limits of a driver', () => {
  it('are what it cannot do, and nothing of what it can', () => {
    expect(limitsOf(able.capabilities)).toEqual([])
    expect(limitsOf({ ...able.capabilities, times: false })).toEqual([
      expect.stringContaining('modification times') as string,
    ])
    expect(limitsOf(limited.capabilities)).toHaveLength(5)
  })
})
