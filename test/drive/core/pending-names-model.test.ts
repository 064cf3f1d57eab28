import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FsError } from '../../../src/core/errors.ts'
import { isRemoteError, RemoteError } from '../../../src/remote/errors.ts'
import { TestDrive } from '../../fakes/test-drive.ts'

const locked = new RemoteError('locked', 'it is locked', { holder: 'upload' })
const refusal = new RemoteError('denied', 'no')

describe('whatever is decided, and whatever the server does', () => {
  const names = ['a', 'b', 'c', 'd', 'd/f', 'd/g', 'e', 'e/x', 'n']
  const path = fc.constantFrom(...names)
  const op = fc.constantFrom(
    ...(['rename', 'unlink', 'rmdir', 'mkdir', 'save', 'discard', 'retry', 'retryAll', 'wait'] as const),
    ...(['away', 'lock', 'refuse', 'fine'] as const),
  )
  const steps = fc.array(fc.record({ op, path, to: path }), { maxLength: 25 })

  it('programs and the server agree in the end, and nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const one = await TestDrive.open({}, (remote) => {
          for (const name of ['a', 'b', 'd/f', 'd/g', 'e/x']) remote.putAsOther(name, name)
        })
        try {
          for (const { op, path, to } of all) {
            await refusable(one.during(Promise.resolve(act(one, op, path, to)), 500))
            one.drive.checkInvariants()
          }
          act(one, 'fine', '', '')
          await one.drive.top.retryAll(one.context())
          await one.during(one.drive.drain(), 500)
          await one.settleAll()
          expect(one.drive.top.pending()).toEqual([])
          await one.outdate()
          expect(await allNames(one)).toEqual(one.remote.paths().map((each) => each.replace(/\/$/, '')))
          expect(await one.leftovers()).toEqual({ kept: 0, held: 0 })
        } finally {
          await one.stop()
        }
      }),
      { numRuns: 25 },
    )
  }, 60_000)
})

const nameCalls = ['rename', 'move', 'remove', 'createFolder'] as const

/** Refusals are part of life. */
async function refusable(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof FsError) && !isRemoteError(error)) throw error
  })
}

function act(one: TestDrive, op: string, path: string, to: string): unknown {
  const top = one.drive.top
  const acts: Record<string, () => unknown> = {
    rename: () => one.rename(path, to),
    unlink: () => one.unlink(path),
    rmdir: () => one.rmdir(path),
    mkdir: () => one.mkdir(path),
    save: () => one.save(path, to),
    discard: () => top.discard(path.split('/'), one.context()),
    retry: () => top.retry(path.split('/'), one.context()),
    retryAll: () => top.retryAll(one.context()),
    wait: () => one.clock.advance(3_000),
    away: () => {
      one.remote.offline = true
    },
    lock: () => nameCalls.forEach((call) => one.remote.fail(call, locked, 5)),
    refuse: () => nameCalls.forEach((call) => one.remote.fail(call, refusal)),
    fine: () => {
      one.remote.offline = false
      one.remote.script.forgetTrouble()
    },
  }
  return acts[op]!()
}

async function allNames(one: TestDrive, folder = ''): Promise<string[]> {
  const found: string[] = []
  for (const name of await one.names(folder)) {
    const path = folder === '' ? name : `${folder}/${name}`
    found.push(path)
    if ((await one.stat(path)).kind === 'folder') found.push(...(await allNames(one, path)))
  }
  return found
}
