import { describe, expect, it } from 'vitest'
import { parseOptionList, resolveOptions } from '../../../src/config/parse.ts'
import { settingsOf } from '../../../src/mount/drive-settings.ts'
import { MemoryRemote } from '../../fakes/memory-remote.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'

const settingsFrom = (...lists: string[]) =>
  settingsOf(resolveOptions([parseOptionList(lists)]), new MemoryRemote({ clock: new ManualClock() }))

describe('settings of a mount', () => {
  it('believe a listing for 30 s, or for as long as metadata-ttl says [E1]', () => {
    expect(settingsFrom().metadataTtlMs).toBe(30_000)
    expect(settingsFrom('metadata-ttl=2m').metadataTtlMs).toBe(120_000)
    expect(settingsFrom('metadata-ttl=0').metadataTtlMs).toBe(0)
  })

  it('believe it for five minutes, or as long as revalidate says, while the server tells of changes', () => {
    expect(settingsFrom()).toMatchObject({ revalidateMs: 300_000, pollMs: 10_000 })
    expect(settingsFrom('revalidate=1m,poll=0')).toMatchObject({ revalidateMs: 60_000, pollMs: 0 })
  })

  it('keep a program waiting for two minutes, or as long as timeout says [F1]', () => {
    expect(settingsFrom().timeoutMs).toBe(120_000)
    expect(settingsFrom('timeout=15s').timeoutMs).toBe(15_000)
  })

  it('delete for good only when told so', () => {
    expect(settingsFrom().deletePermanently).toBe(false)
    expect(settingsFrom('delete=permanent').deletePermanently).toBe(true)
  })

  it('take the umask away from the modes that nobody named', () => {
    expect(settingsFrom('umask=077,dir-mode=0750')).toMatchObject({ fileMode: 0o600, folderMode: 0o750 })
  })
})
