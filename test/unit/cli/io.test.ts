import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { outliveReader } from '../../../src/cli/io.ts'

const trouble = (code: string) => Object.assign(new Error(`write ${code}`), { code })

describe('output of a command', () => {
  it('may lose its reader, by a closed pipe or a closed terminal, without ending the command', () => {
    const stream = new EventEmitter()
    outliveReader(stream)
    for (const code of ['EPIPE', 'EIO', 'EPIPE'])
      expect(() => stream.emit('error', trouble(code))).not.toThrow()
  })

  it('says any other trouble aloud', () => {
    const stream = new EventEmitter()
    outliveReader(stream)
    expect(() => stream.emit('error', trouble('ENOSPC'))).toThrow('ENOSPC')
  })
})
