import { constants } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TestDrive } from '../../../fakes/test-drive.ts'

const names = ['a', 'b', 'c', 'd'] as const
const nameOf = fc.constantFrom(...names)
const textOf = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('x', 'y', 'z') })

/** That the server keeps. */
const versionsOf = fc.constantFrom(10, 1)

type Step =
  | { readonly do: 'save'; readonly name: string; readonly text: string }
  | { readonly do: 'append'; readonly name: string; readonly text: string }
  | { readonly do: 'overwrite'; readonly name: string; readonly text: string }
  | { readonly do: 'rename'; readonly name: string; readonly to: string }
  | { readonly do: 'save with backup'; readonly name: string; readonly to: string; readonly text: string }
  | { readonly do: 'read'; readonly name: string }
  | { readonly do: 'unlink'; readonly name: string }
  | { readonly do: 'unlink open'; readonly name: string }
  | { readonly do: 'chmod'; readonly name: string; readonly mode: number }
  | { readonly do: 'utimes'; readonly name: string; readonly seconds: number }
  | { readonly do: 'setxattr'; readonly name: string; readonly text: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'crash' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('save' as const), name: nameOf, text: textOf }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('append' as const), name: nameOf, text: textOf }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('overwrite' as const), name: nameOf, text: textOf }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('rename' as const), name: nameOf, to: nameOf }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('save with backup' as const),
      name: nameOf,
      to: nameOf,
      text: textOf,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const), name: nameOf }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unlink' as const), name: nameOf }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unlink open' as const), name: nameOf }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('chmod' as const),
      name: nameOf,
      mode: fc.constantFrom(0o600, 0o644),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('utimes' as const),
      name: nameOf,
      seconds: fc.constantFrom(1_000, 2_000_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('setxattr' as const), name: nameOf, text: textOf }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 600, 1_500) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
)

interface ModelFile {
  text: string
  mode: number
  /** Chosen, and not written since; s. */
  seconds?: number | undefined
  note?: string | undefined
}

type Model = Map<string, ModelFile>

/** What the step does to a folder that never crashes. False: it cannot be done. */
async function apply(drive: TestDrive, model: Model, step: Step): Promise<void> {
  switch (step.do) {
    case 'save':
      await drive.save(`f/${step.name}`, step.text)
      model.set(step.name, { mode: 0o644, ...model.get(step.name), text: step.text, seconds: undefined })
      break
    case 'append':
    case 'overwrite': {
      const file = model.get(step.name)
      if (!file) break
      const opened = await drive.open(`f/${step.name}`, constants.O_RDWR)
      const offset = step.do === 'append' ? file.text.length : 0
      await drive.write(opened, step.text, offset)
      await drive.close(opened)
      file.seconds = undefined
      file.text = file.text.slice(0, offset) + step.text + file.text.slice(offset + step.text.length)
      break
    }
    case 'rename': {
      const file = model.get(step.name)
      if (!file || step.name === step.to) break
      await drive.during(drive.rename(`f/${step.name}`, `f/${step.to}`))
      model.delete(step.name)
      model.set(step.to, file)
      break
    }
    case 'save with backup':
      await apply(drive, model, { ...step, do: 'rename' })
      await apply(drive, model, { ...step, do: 'save' })
      break
    case 'read':
      if (model.has(step.name)) await drive.text(`f/${step.name}`)
      break
    case 'unlink':
    case 'unlink open': {
      if (!model.has(step.name)) break
      if (step.do === 'unlink open') await drive.open(`f/${step.name}`)
      await drive.during(drive.unlink(`f/${step.name}`))
      model.delete(step.name)
      break
    }
    case 'chmod': {
      const file = model.get(step.name)
      if (!file) break
      await drive.setattr(`f/${step.name}`, { mode: step.mode })
      file.mode = step.mode
      break
    }
    case 'utimes': {
      const file = model.get(step.name)
      if (!file) break
      await drive.setattr(`f/${step.name}`, { mtime: { seconds: step.seconds, nanoseconds: 5 } })
      file.seconds = step.seconds
      break
    }
    case 'setxattr': {
      const file = model.get(step.name)
      if (!file) break
      await drive.setxattr(`f/${step.name}`, 'user.note', step.text)
      file.note = step.text
      break
    }
    case 'wait':
      await drive.clock.advance(step.ms)
      break
    case 'crash':
      await drive.crash()
      break
  }
}

async function shown(drive: TestDrive): Promise<Model> {
  const model: Model = new Map()
  for (const name of await drive.names('f')) {
    const { mode, mtime } = await drive.stat(`f/${name}`)
    const seconds = mtime.nanoseconds === 5 ? mtime.seconds : undefined
    const ino = await drive.ino(`f/${name}`)
    const isNoted = (await drive.fs.listxattr(ino, drive.context())).includes('user.note')
    const note = isNoted ? await drive.getxattr(`f/${name}`, 'user.note') : undefined
    model.set(name, { text: await drive.text(`f/${name}`), mode, seconds, note })
  }
  return model
}

describe('a folder whose process is killed again and again', () => {
  it('shows after each start what programs were told, and in the end the server has that and nothing else [W28]', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 3, maxLength: 14 }),
        versionsOf,
        async (steps, versions) => {
          const drive = await TestDrive.open({}, (remote) => {
            remote.versionsKept = versions
            remote.putAsOther('f/a', 'first')
            remote.putAsOther('f/b', 'second')
          })
          try {
            const model: Model = new Map([
              ['a', { text: 'first', mode: 0o644 }],
              ['b', { text: 'second', mode: 0o644 }],
            ])
            for (const one of [...steps, { do: 'crash' } as const]) {
              await apply(drive, model, one)
              if (one.do === 'crash') expect(sorted(await shown(drive))).toEqual(sorted(model))
            }
            await drive.drain()
            expect(sorted(await shown(drive))).toEqual(sorted(model))
            expect(drive.drive.top.pending()).toEqual([])
            await drive.remount()
            expect(sorted(await shown(drive))).toEqual(sorted(model))
            expect(drive.remote.paths().filter((path) => path.startsWith('f/') && path !== 'f/')).toEqual(
              [...model.keys()].sort().map((name) => `f/${name}`),
            )
            for (const [name, { text }] of model) expect(drive.remote.textAt(`f/${name}`)).toBe(text)
            expect(drive.drive.writeBack.lostAndFound).toEqual([])
            drive.drive.checkInvariants()
          } finally {
            await drive.stop()
          }
        },
      ),
      { numRuns: Number(process.env['RESTORE_RUNS'] ?? 60) },
    )
  }, 600_000)
})

function sorted(model: Model): [string, ModelFile][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}
