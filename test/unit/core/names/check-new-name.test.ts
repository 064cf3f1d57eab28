import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { checkNewName } from '../../../../src/core/names/index.ts'
import type { FileKind } from '../../../../src/core/types.ts'

const limits = { maxFileNameBytes: 243, maxFolderNameBytes: 255 }
const check = (name: string, kind: FileKind = 'file') => checkNewName(name, kind, limits)
const refuses = (errno: number) => expect.objectContaining({ name: 'FsError', errno }) as unknown

describe('a new name', () => {
  it.each(['a', '...', 'a. ', ' ', '.hidden', 'a:b', 'x\ny', '日本', '\u{1F600}'])('%j is fine', (name) => {
    for (const kind of ['file', 'folder', 'symlink'] as const) expect(() => check(name, kind)).not.toThrow()
  })

  it.each(['', '.', '..', 'a/b', '/', 'a\0b', '\u{201B}\u{2400}', '\u{201B}\u{FF0F}'])(
    '%j is EINVAL',
    (name) => {
      expect(() => check(name)).toThrow(refuses(Errno.EINVAL))
    },
  )

  it.each(['a\uFFFDb', '\uD800', 'a\uDC00', '\uDC00\uD800'])('%j is EILSEQ', (name) => {
    expect(() => check(name)).toThrow(refuses(Errno.EILSEQ))
  })

  it('of a file is as long as the server can store', () => {
    expect(() => check('x'.repeat(243))).not.toThrow()
    expect(() => check('x'.repeat(244))).toThrow(refuses(Errno.ENAMETOOLONG))
    expect(() => check('日'.repeat(81))).not.toThrow()
    expect(() => check('日'.repeat(82))).toThrow(refuses(Errno.ENAMETOOLONG))
  })

  it.each(['folder', 'symlink'] as const)('of a %s may have 255 bytes', (kind) => {
    expect(() => check('x'.repeat(255), kind)).not.toThrow()
    expect(() => check('x'.repeat(256), kind)).toThrow(refuses(Errno.ENAMETOOLONG))
  })

  it('counts as the bytes that it takes at the server', () => {
    expect(() => check(':'.repeat(81))).not.toThrow()
    expect(() => check(':'.repeat(82))).toThrow(/246 bytes/)
    expect(() => check(':'.repeat(85), 'folder')).not.toThrow()
    expect(() => check(':'.repeat(86), 'folder')).toThrow(refuses(Errno.ENAMETOOLONG))
  })

  it('counts as the bytes that programs are shown, too', () => {
    const shownLonger = '\u{201B}\u{201B}\u{2400}'.repeat(29) // 261 bytes here, 174 at the server
    expect(() => check(shownLonger, 'folder')).toThrow(refuses(Errno.ENAMETOOLONG))
  })

  it('is named in the refusal, with what to do', () => {
    expect(() => check('x'.repeat(250))).toThrow(/the limit is 243; use a shorter one/)
  })
})
