import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseOptionList, resolveOptions, writtenOptions } from '../../../src/config/parse.ts'
import { followConfig } from '../../../src/mount/follow-config.ts'
import type { MountSpec } from '../../../src/mount/spec.ts'
import { eventually } from '../../fakes/eventually.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

let folder: string
let file: string
let clock: ManualClock
let log: ReturnType<typeof recordingLog>
let seen: { upload: number; download: number }[]
let stop: () => void

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'follow-'))
  file = join(folder, 'config/config.toml')
  clock = new ManualClock()
  log = recordingLog()
  seen = []
  stop = () => undefined
})

afterEach(async () => {
  stop()
  await rm(folder, { recursive: true })
})

/** A mount on `/home/ann/cloud` for which the command line said `said`. */
async function follow(said = ''): Promise<void> {
  const source = parseOptionList(said === '' ? [] : [said])
  const spec: MountSpec = {
    mountpoint: '/mnt/real/cloud',
    accountKey: null,
    rootUri: 'cloudreve://my',
    readOnly: false,
    options: writtenOptions(resolveOptions([source])),
    config: { file, mountpoint: '/home/ann/cloud', decided: [...source.values.keys()] },
    stateFolder: folder,
    cacheFolder: folder,
    runtimeFolder: folder,
    logFile: join(folder, 'log'),
    verbose: false,
  }
  stop = await followConfig(spec, {
    clock,
    log,
    onLimits: ({ uploadBytesPerSecond, downloadBytesPerSecond }) =>
      seen.push({ upload: uploadBytesPerSecond, download: downloadBytesPerSecond }),
  })
}

/** After the events of what was just done, which the system delivers in its own time. */
async function noticed(): Promise<void> {
  await eventually(() => clock.pending > 0)
  await clock.advance(500)
}

const warnings = () => log.lines.map(({ message }) => message)

describe('a configuration file that is changed while a mount runs', () => {
  it('changes the limits, for this mountpoint rather than for all', async () => {
    await follow()
    await writeFile(file, 'upload-limit = "1M"\ndownload-limit = 500\n')
    await noticed()
    await eventually(() => seen.length > 0)
    expect(seen.at(-1)).toEqual({ upload: 1024 ** 2, download: 500 })
    await writeFile(file, 'upload-limit = "1M"\n[mounts."/home/ann/cloud"]\nupload-limit = "10K"\n')
    await noticed()
    await eventually(() => seen.at(-1)?.upload === 10 * 1024)
    expect(seen.at(-1)).toEqual({ upload: 10 * 1024, download: 0 })
    expect(warnings()).toEqual([])
  })

  it('by an editor that replaces it, or by its removal, too', async () => {
    await follow()
    await writeFile(`${file}.new`, 'upload-limit = "2M"\n')
    await rename(`${file}.new`, file)
    await noticed()
    await eventually(() => seen.at(-1)?.upload === 2 * 1024 ** 2)
    await rm(file)
    await noticed()
    await eventually(() => seen.at(-1)?.upload === 0)
  })

  it('where it is a link, too', async () => {
    await mkdir(join(folder, 'config'))
    await mkdir(join(folder, 'dotfiles'))
    const real = join(folder, 'dotfiles/cloud.toml')
    await writeFile(real, '')
    await symlink(real, file)
    await follow()
    await writeFile(real, 'upload-limit = 1000\n')
    await noticed()
    await eventually(() => seen.at(-1)?.upload === 1000)
  })

  it('has no say in what the command line decided', async () => {
    await follow('upload-limit=3M')
    await writeFile(file, 'upload-limit = "1M"\ndownload-limit = "1M"\n')
    await noticed()
    await eventually(() => seen.length > 0)
    expect(seen).toEqual([{ upload: 3 * 1024 ** 2, download: 1024 ** 2 }])
  })

  it.each([
    [
      'is no TOML',
      'upload-limit = \n',
      /^the limits stay as they are: .*config\.toml is not valid TOML in line 1/,
    ],
    [
      'says nonsense',
      'upload-limit = "fast"\n',
      /^the limits stay as they are: "upload-limit" in .* must be bytes a second/,
    ],
    [
      'has an unknown name',
      'uplod-limit = 1\n',
      /^the limits stay as they are: .* did you mean "upload-limit"/,
    ],
  ])('and %s leaves them as they are, with one sentence in the log', async (_, text, sentence) => {
    await follow()
    await writeFile(file, text)
    await noticed()
    await eventually(() => log.lines.length > 0)
    expect(warnings()).toEqual([expect.stringMatching(sentence)])
    expect(seen).toEqual([])
    await writeFile(file, 'upload-limit = 1000\n')
    await noticed()
    await eventually(() => seen.length > 0)
    expect(seen).toEqual([{ upload: 1000, download: 0 }])
  })

  it('and cannot be read leaves them as they are', async () => {
    await follow()
    await mkdir(file)
    await noticed()
    await eventually(() => log.lines.length > 0)
    expect(warnings()).toEqual([`the limits stay as they are: ${file} cannot be read (EISDIR)`])
    expect(seen).toEqual([])
  })

  it('is left alone when the mount is gone', async () => {
    await follow()
    await writeFile(file, 'upload-limit = 1000\n')
    await eventually(() => clock.pending > 0)
    stop()
    await clock.advance(10_000)
    expect(clock.pending).toBe(0)
    expect(seen).toEqual([])
  })

  it('in a folder that cannot be watched does not keep the mount from working', async () => {
    await writeFile(join(folder, 'config'), 'a file where the folder should be')
    await follow()
    expect(warnings()).toEqual([
      `changes of ${file} are not noticed: ${join(folder, 'config')} cannot be watched (EEXIST)`,
    ])
  })
})
