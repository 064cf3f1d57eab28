import { beforeEach, describe, expect, it } from 'vitest'
import { ROOT_INO, type OpContext } from '../../../src/core/types.ts'
import type { ActivitiesResult } from '../../../src/mount/control-results.ts'
import { fileQuestions } from '../../../src/mount/file-questions.ts'
import type { ControlMethods, Json } from '../../../src/mount/spec.ts'
import { MemoryFileSystem } from '../../fakes/memory-file-system.ts'

const signal = new AbortController().signal
const context: OpContext = { signal, pid: 1, uid: 0, gid: 0 }
const history: ActivitiesResult = {
  derived: true,
  entries: [{ id: '1', at: 0, who: 'Ann', what: 'created', category: 7, version: null }],
}

let fileSystem: MemoryFileSystem
let asked: unknown[]
let settled: unknown[]
let methods: ControlMethods

beforeEach(async () => {
  fileSystem = new MemoryFileSystem()
  asked = []
  settled = []
  methods = fileQuestions({
    fileSystem,
    mountpoint: '/home/ann/cloud',
    settle: (names) => {
      settled.push(names)
      return Promise.resolve()
    },
    activities: (names, query) => {
      asked.push({ names, ...query })
      return Promise.resolve(history)
    },
  })
  const folder = await fileSystem.mkdir(ROOT_INO, 'Plans', 0o755, context)
  const file = await fileSystem.mknod(folder.ino, 'a.txt', 0o100644, context)
  const set = (name: string, value: string | Uint8Array) =>
    fileSystem.setxattr(file.ino, name, Buffer.from(value), 'either', context)
  await set('user.origin', 'mine')
  await set('user.cloudreve.sync', 'synced')
  await set('user.cloudreve.id', 'aBcd')
  await set('user.cloudreve.activities', 'long')
  await set('user.raw', new Uint8Array([0xff, 0x00]))
  fileSystem.forget(file.ino, 1)
  fileSystem.forget(folder.ino, 1)
})

const ask = (method: string, params: Json) => methods[method]!({ params, signal, progress: () => undefined })

describe('facts', () => {
  it('come in a fixed order before what the user set; histories are left out, bytes are shown as hex', async () => {
    expect(await ask('facts', { path: '/home/ann/cloud/Plans/a.txt' })).toEqual([
      { name: 'user.cloudreve.id', value: 'aBcd' },
      { name: 'user.cloudreve.sync', value: 'synced' },
      { name: 'user.origin', value: 'mine' },
      { name: 'user.raw', value: '0xff00' },
    ])
  })

  it('are asked for after renames of the file that wait were sent', async () => {
    await ask('facts', { path: '/home/ann/cloud/Plans/a.txt' })
    expect(settled).toEqual([['Plans', 'a.txt']])
  })

  it('leave no look-up behind', async () => {
    const before = fileSystem.lookups
    await ask('facts', { path: '/home/ann/cloud/Plans/a.txt' })
    expect(fileSystem.lookups).toBe(before)
  })

  it('can be asked of the mountpoint itself', async () => {
    expect(await ask('facts', { path: '/home/ann/cloud' })).toEqual([])
  })

  it('name the file that is not there', async () => {
    await expect(ask('facts', { path: '/home/ann/cloud/none' })).rejects.toThrow(
      'no such file or folder: "/home/ann/cloud/none"',
    )
  })

  it('of a path outside the mount are refused', async () => {
    await expect(ask('facts', { path: '/home/ann/cloudy' })).rejects.toThrow('no path in /home/ann/cloud')
    await expect(ask('facts', null)).rejects.toThrow('no path in /home/ann/cloud')
  })
})

describe('activities', () => {
  it('are asked for by names from the root of the mount', async () => {
    const path = '/home/ann/cloud/Plans/a.txt'
    expect(await ask('activities', { path, filter: 'my', limit: 3 })).toEqual(history)
    await ask('activities', { path: '/home/ann/cloud' })
    expect(asked).toEqual([
      { names: ['Plans', 'a.txt'], filter: 'my', limit: 3 },
      { names: [], filter: 'all', limit: null },
    ])
  })

  it('with a filter or limit that makes no sense are refused', async () => {
    const path = '/home/ann/cloud'
    await expect(ask('activities', { path, filter: 'mine' })).rejects.toThrow('no filter "mine"')
    await expect(ask('activities', { path, limit: 0 })).rejects.toThrow('0 is no number')
  })
})
