import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { nodeFileLayer } from '../../../../src/base/file-layer.ts'
import { silentLog } from '../../../../src/base/log.ts'
import { TimesFile } from '../../../../src/core/filesystem/times-file.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'
import type { EntityId } from '../../../../src/remote/types.ts'

const fullDisk = {
  ...nodeFileLayer,
  open: () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' })),
}
const parts = { layer: nodeFileLayer, log: silentLog }
const a = 'aaaa' as EntityId
const b = 'bbbb' as EntityId
const time = (seconds: number, nanoseconds = 0) => ({ seconds, nanoseconds })

const folders: string[] = []
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))))

async function freshPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'times-'))
  folders.push(folder)
  return join(folder, 'times.jsonl')
}

async function written(
  path: string,
  ...times: [EntityId, { seconds: number; nanoseconds: number }][]
): Promise<void> {
  const { file } = await TimesFile.open(path, parts)
  for (const [entity, at] of times) file.append(entity, at)
  await file.close()
}

describe('TimesFile', () => {
  it('gives back the last time of each content, to the nanosecond', async () => {
    const path = await freshPath()
    await written(path, [a, time(1, 999_999_999)], [b, time(-5)], [a, time(2, 7)])
    const { known } = await TimesFile.open(path, parts)
    expect(new Map(known)).toEqual(
      new Map([
        [a, time(2, 7)],
        [b, time(-5)],
      ]),
    )
  })

  it('passes over a line that a crash tore', async () => {
    const path = await freshPath()
    await written(path, [a, time(1)])
    await appendFile(path, '["bbbb",12')
    await written(path, [b, time(2)])
    const { known } = await TimesFile.open(path, parts)
    expect(known).toEqual([
      [a, time(1)],
      [b, time(2)],
    ])
  })

  it('leaves a file of a newer format alone', async () => {
    const path = await freshPath()
    const newer = '{"format":"cloudreve-mount times","version":2}\nwhatever\n'
    await writeFile(path, newer)
    await written(path, [a, time(1)])
    expect(await readFile(path, 'utf8')).toBe(newer)
  })

  it('that cannot be written keeps nobody from anything, and the log says so', async () => {
    const path = await freshPath()
    const log = recordingLog()
    await written(path, [a, time(1)])
    const { file } = await TimesFile.open(path, { layer: fullDisk, log })
    file.append(b, time(2))
    await file.close()
    expect(log.lines.map(({ message }) => message)).toEqual(['exact times could not be kept'])
    expect((await TimesFile.open(path, parts)).known).toEqual([[a, time(1)]])
  })

  it('drops outdated lines when most are', async () => {
    const path = await freshPath()
    await written(
      path,
      ...Array.from({ length: 3000 }, (_, i): [EntityId, ReturnType<typeof time>] => [a, time(i)]),
    )
    await TimesFile.open(path, parts)
    expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(2)
  })
})
