import { expect } from 'vitest'
import { TestDrive } from '../../../fakes/test-drive.ts'

/** A drive with `n`, which says `old`, and an `other` file, where an editor saves `n` and keeps a backup. */
export class BackupSaves {
  readonly drive: TestDrive
  /** Of `n`. */
  readonly id: string

  private constructor(drive: TestDrive) {
    this.drive = drive
    this.id = drive.remote.entryAt('n').id
  }

  static async open(options: Parameters<typeof TestDrive.open>[0] = {}): Promise<BackupSaves> {
    const drive = await TestDrive.open(options, (remote) => {
      remote.putAsOther('n', 'old')
      remote.putAsOther('other', 'other')
    })
    await drive.names()
    drive.remote.script.forgetCalls()
    return new BackupSaves(drive)
  }

  /** What is at the server. */
  paths(): string[] {
    return this.drive.remote.paths().filter((path) => !isScratch(path))
  }

  async save(text: string, backup = 'n~'): Promise<void> {
    await this.drive.rename('n', backup)
    await this.drive.save('n', text)
  }

  /** `n` is the same file as ever, and the backup a new one, for programs and at the server. */
  async expectKept(text = 'new', old = 'old', backup = 'n~'): Promise<void> {
    const { drive } = this
    expect([await drive.text('n'), await drive.text(backup)]).toEqual([text, old])
    await drive.settleAll()
    expect(this.paths()).toEqual(['n', backup, 'other'])
    expect([drive.remote.textAt('n'), drive.remote.textAt(backup)]).toEqual([text, old])
    expect(drive.remote.entryAt('n').id).toBe(this.id)
    expect(drive.remote.entryAt(backup).id).not.toBe(this.id)
    expect([await drive.text('n'), await drive.text(backup)]).toEqual([text, old])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  }
}

/** Where copies get their names; it goes some time later. */
export function isScratch(path: string): boolean {
  return path.startsWith('.copying-')
}
