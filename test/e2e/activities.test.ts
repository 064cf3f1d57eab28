import { rename, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run, runToEnd } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

const servers = [
  { kind: 'pro', pro: true },
  { kind: 'community', pro: false },
]

await describeMounts('the history of a file', ['getfattr', 'setfattr'], (driver) => {
  describe.each(servers)('on a $kind server', ({ pro }) => {
    let place: Workplace
    let mount: Mount

    beforeAll(async () => {
      place = await Workplace.open({ driver, pro })
      mount = await place.mount()
      await writeFile(place.at('first.txt'), 'one')
      await mount.settle()
      await writeFile(place.at('first.txt'), 'two, longer')
      await mount.settle()
      await rename(place.at('first.txt'), place.at('second.txt'))
      await mount.settle()
    })
    afterAll(() => place?.close())

    function fact(name: string): Promise<string> {
      const options = ['--absolute-names', '--only-values', '-n', `user.cloudreve.${name}`]
      return run('getfattr', [...options, place.at('second.txt')])
    }

    it('getfattr -n user.cloudreve.activities reads as lines, newest first', async () => {
      const lines = (await fact('activities')).trim().split('\n')
      expect(lines.length).toBeGreaterThanOrEqual(pro ? 3 : 1)
      if (!pro) return
      const renamed = lines.findIndex((line) => line.includes('first.txt') && line.includes('second.txt'))
      expect(renamed, lines.join('\n')).toBeGreaterThanOrEqual(0)
      expect(renamed).toBeLessThan(lines.length - 1)
    })

    it('says where a history was put together here instead of recorded', async () => {
      const text = await fact('activities')
      if (pro) expect(text).not.toMatch(/derived/i)
      else expect(text).toMatch(/derived/i)
    })

    it('the JSON variant holds entries with times', async () => {
      const parsed = JSON.parse(await fact('activities.json')) as unknown
      const entries = (
        Array.isArray(parsed) ? parsed : Object.values(parsed as object).find(Array.isArray)
      ) as unknown[]
      expect(entries.length).toBeGreaterThanOrEqual(1)
    })

    it.each(['activities.my', 'activities.updates', 'activities.reads'])('%s can be read', async (name) => {
      expect(typeof (await fact(name))).toBe('string')
    })

    it('getfattr -d shows the facts to somebody who looks', async () => {
      const { stdout, exitCode } = await runToEnd('getfattr', [
        '--absolute-names',
        '-d',
        place.at('second.txt'),
      ])
      expect(exitCode).toBe(0)
      expect(stdout).toContain('user.cloudreve.id=')
      expect(stdout).toContain('user.cloudreve.activities=')
    })

    it('facts cannot be written, security.* is not supported', async () => {
      const refused = await runToEnd('setfattr', [
        '-n',
        'user.cloudreve.id',
        '-v',
        'x',
        place.at('second.txt'),
      ])
      expect(refused.stderr).toContain('Operation not permitted')
      const unsupported = await runToEnd('setfattr', ['-n', 'security.x', '-v', 'x', place.at('second.txt')])
      expect(unsupported.stderr).toContain('Operation not supported')
    })

    it('cloudreve-mount activities prints a table, --json entries', async () => {
      const table = await place.cli(['activities', place.at('second.txt')])
      expect(table.exitCode, table.stderr).toBe(0)
      expect(table.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(1)
      const json = await place.cli(['activities', '--json', place.at('second.txt')])
      expect(() => JSON.parse(json.stdout) as unknown).not.toThrow()
    })
  })
})
