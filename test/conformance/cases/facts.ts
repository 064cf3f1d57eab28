import { expect } from 'vitest'
import { expectContent, itNeeds, refused, suite, type Case } from '../suite.ts'

function it(name: string, run: Case['run']): Case {
  return itNeeds(['facts', 'xattrs'], name, run)
}

export const facts = suite('facts as extended attributes', [
  itNeeds(
    ['facts', 'xattrs', 'server'],
    'the id is that of the server, for files and folders',
    async (fs) => {
      await fs.mkdir('d')
      await fs.writeFile('d/f', 'x')
      await fs.settle()
      for (const path of ['d', 'd/f']) {
        expect((await fs.getxattr(path, 'user.cloudreve.id')).toString()).toBe(await fs.server!.fileId(path))
      }
    },
  ),

  it('the URI follows a rename', async (fs) => {
    await fs.writeFile('before', 'x')
    await fs.settle()
    expect((await fs.getxattr('before', 'user.cloudreve.uri')).toString()).toMatch(
      /^cloudreve:\/\/.*\/before$/,
    )
    await fs.rename('before', 'after')
    await fs.settle()
    expect((await fs.getxattr('after', 'user.cloudreve.uri')).toString()).toMatch(/\/after$/)
  }),

  it('the entity changes with the content and with nothing else', async (fs) => {
    await fs.writeFile('f', '1')
    await fs.settle()
    const first = (await fs.getxattr('f', 'user.cloudreve.entity')).toString()
    await fs.rename('f', 'g')
    await fs.settle()
    expect((await fs.getxattr('g', 'user.cloudreve.entity')).toString()).toBe(first)
    await fs.writeFile('g', '2')
    await fs.settle()
    expect((await fs.getxattr('g', 'user.cloudreve.entity')).toString()).not.toBe(first)
  }),

  it('the state of a settled file is synced', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.settle()
    expect((await fs.getxattr('f', 'user.cloudreve.sync')).toString()).toBe('synced')
  }),

  it('the state of a file that is being written is not synced', async (fs) => {
    const handle = await fs.open('f', 'w')
    await handle.write('x', 0)
    expect((await fs.getxattr('f', 'user.cloudreve.sync')).toString()).not.toBe('synced')
    await handle.close()
    await expectContent(fs, 'f', 'x')
  }),

  it('cannot be written or removed [A13]', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.settle()
    for (const name of [
      'id',
      'uri',
      'entity',
      'owner',
      'created',
      'sync',
      'activities',
      'url',
      'thumbnail',
    ]) {
      await refused('EPERM', fs.setxattr('f', `user.cloudreve.${name}`, Buffer.from('x')))
      await refused('EPERM', fs.removexattr('f', `user.cloudreve.${name}`))
    }
  }),

  it('that do not exist are ENODATA', async (fs) => {
    await fs.writeFile('f', 'x')
    await refused('ENODATA', fs.getxattr('f', 'user.cloudreve.no-such-fact'))
    await fs.settle()
    await refused('ENODATA', fs.getxattr('f', 'user.cloudreve.no-such-fact'))
  }),

  it('are listed for a file that somebody looks at, and each listed one can be read', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.settle()
    const names = await fs.listxattr('f')
    for (const name of ['id', 'uri', 'activities']) expect(names).toContain(`user.cloudreve.${name}`)
    for (const name of names) {
      const value = await fs.getxattr('f', name)
      expect(value.length, name).toBeLessThanOrEqual(65_536)
    }
  }),

  itNeeds(['facts', 'xattrs', 'requests'], 'listing the names costs no request', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.settle()
    await fs.stat('f')
    const mark = fs.server!.mark()
    await fs.listxattr('f')
    await fs.getxattr('f', 'user.cloudreve.id')
    await fs.getxattr('f', 'user.cloudreve.uri')
    await fs.getxattr('f', 'user.cloudreve.entity')
    expect(mark.counts()).toEqual({})
  }),

  it('an address that needs no sign-in is told to who asks for it by name, and listed for nobody [A27][A28]', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.settle()
    expect((await fs.getxattr('f', 'user.cloudreve.url')).toString()).toMatch(/^https?:.*sign=/)
    await refused('ENODATA', fs.getxattr('f', 'user.cloudreve.thumbnail'))
    const names = await fs.listxattr('f')
    expect(names.filter((name) => /\.(url|thumbnail)$/.test(name))).toEqual([])
    await fs.mkdir('d')
    await refused('ENODATA', fs.getxattr('d', 'user.cloudreve.url'))
  }),

  it('the activities are readable text, for files and folders, with their filters and as JSON', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/f', 'x')
    await fs.settle()
    for (const path of ['d', 'd/f']) {
      for (const name of ['activities', 'activities.my', 'activities.updates', 'activities.reads']) {
        const value = await fs.getxattr(path, `user.cloudreve.${name}`)
        expect(value.toString('utf8'), name).not.toContain('\ufffd')
      }
      const json = await fs.getxattr(path, 'user.cloudreve.activities.json')
      expect(() => JSON.parse(json.toString()) as unknown).not.toThrow()
    }
  }),
])
