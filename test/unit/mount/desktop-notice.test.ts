import { beforeEach, describe, expect, it } from 'vitest'
import { DesktopNotices } from '../../../src/mount/desktop-notice.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

const desktop = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/1000/bus' }
let clock: ManualClock
let shown: string[][]
beforeEach(() => {
  clock = new ManualClock()
  shown = []
})

const record = async (title: string, body: string) => void shown.push([title, body])
const fail = () => Promise.reject(new Error('spawn notify-send ENOENT'))

function notices(parts: Partial<ConstructorParameters<typeof DesktopNotices>[0]> = {}): DesktopNotices {
  return new DesktopNotices({ clock, log: recordingLog(), environment: desktop, show: record, ...parts })
}

describe('a notice on the desktop', () => {
  it('names the file and the reason [F14]', () => {
    notices().add({ kind: 'content', file: '/a.odt', reason: 'the drive is full' })
    expect(shown).toEqual([
      ['/a.odt is not uploaded', 'the drive is full\nIt is kept on this machine: cloudreve-mount pending'],
    ])
  })

  it('is one for many that come together', async () => {
    const all = notices()
    for (const name of ['a', 'b', 'c'])
      all.add({ kind: 'content', file: `/${name}`, reason: 'the drive is full' })
    await clock.advance(10_000)
    expect(shown.map(([title]) => title)).toEqual(['/a is not uploaded', '2 files are not uploaded'])
    await clock.advance(10_000)
    all.add({ kind: 'content', file: '/d', reason: 'the drive is full' })
    expect(shown.at(-1)![0]).toBe('/d is not uploaded')
  })

  it.each([
    ['new folder', '/n is not made at the server', 'It is kept on this machine'],
    ['rename', '/n is not renamed', 'What the server has is shown again'],
    ['deletion', '/n is not deleted', 'What the server has is shown again'],
  ] as const)('says what of a name is refused (%s) [F21]', (kind, title, left) => {
    notices().add({ file: '/n', kind, reason: 'no' })
    expect(shown).toEqual([[title, `no\n${left}: cloudreve-mount pending`]])
  })

  it('shows names as they are, not as markup', () => {
    notices().add({ kind: 'content', file: '/a', reason: 'the server refuses <b> & co' })
    expect(shown[0]![1]).toContain('the server refuses &lt;b&gt; &amp; co')
  })

  it('is for desktops only', () => {
    notices({ environment: {} }).add({ kind: 'content', file: '/a', reason: 'x' })
    expect(shown).toEqual([])
  })

  it('may fail', async () => {
    const log = recordingLog()
    notices({ log, show: fail }).add({ kind: 'content', file: '/a', reason: 'x' })
    await clock.advance(0)
    expect(log.lines.map(({ level }) => level)).toEqual(['debug'])
  })
})
