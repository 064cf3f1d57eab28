import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RemoteMethod } from '../../../fakes/memory-remote.ts'
import { takenUnheard } from '../../../fakes/taken-unheard.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

/** A process has left something of each kind to be sent. */
beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    for (const name of ['deleted', 'elsewhere', 'marked', 'moved', 'renamed', 'replaced', 'saved', 'unheard'])
      remote.putAsOther(`docs/${name}`, name)
    for (const folder of ['docs/folder', 'other', 'theirs']) remote.mkdirAsOther(folder)
  })
  await drive.names('other')
  await drive.save('docs/unheard', 'first')
  await takenUnheard(drive)
  await drive.save('docs/saved', 'saved again')
  await drive.save('docs/elsewhere', 'saved again')
  await drive.mkdir('docs/made')
  await drive.save('docs/made/below', 'below')
  await drive.symlink('new', 'docs/link')
  await drive.rename('docs/renamed', 'docs/renamed again')
  await drive.rename('docs/moved', 'other/moved')
  await drive.rename('docs/folder', 'other/folder')
  await drive.save('docs/new', 'new')
  await drive.rename('docs/new', 'docs/replaced')
  await drive.unlink('docs/deleted')
  await drive.setxattr('docs/marked', 'user.mark', 'here')
})

afterEach(() => drive.stop())

const methods: readonly RemoteMethod[] = ['info', 'infoById', 'details', 'readRange']

describe('a start with what an earlier process left, at a server that answers some calls and no others', () => {
  it.each(methods.flatMap((method) => [0, 1, 2].map((passing) => [method, passing] as const)))(
    'does not wait for ever: no %s but the first %i is answered [F1]',
    async (method, passing) => {
      const startedAt = drive.clock.monotonic()
      let release: (() => void) | undefined
      await drive.during(
        drive.crash(() => {
          drive.remote.moveAsOther('docs/elsewhere', 'theirs/elsewhere')
          const gate = drive.remote.script.hold(method, 'before', passing)
          release = () => gate.release()
        }),
        1_000,
      )
      expect(drive.clock.monotonic() - startedAt).toBeLessThan(240_000)
      release!()
      await drive.settleAll()
      await drive.drain()
      expect(drive.remote.paths().filter((path) => !path.endsWith('/'))).toEqual([
        'docs/link',
        'docs/made/below',
        'docs/marked',
        'docs/renamed again',
        'docs/replaced',
        'docs/saved',
        'docs/unheard',
        'other/moved',
        'theirs/elsewhere',
      ])
      expect(drive.remote.textAt('docs/replaced')).toBe('new')
      expect(drive.remote.textAt('theirs/elsewhere')).toBe('saved again')
    },
  )
})
