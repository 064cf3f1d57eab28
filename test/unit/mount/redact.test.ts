import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/mount/logger.ts'
import { setAsideLog } from '../../../src/mount/set-aside-log.ts'
import { redact, redactText } from '../../../src/mount/redact.ts'

describe('secrets', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9_-]{12,40}$/)

  it('never survive in any of the places where they come along', () => {
    const places = [
      (s: string) => `Authorization: Bearer ${s}`,
      (s: string) => `GET http://h/api/v4/file/content/x/0/name.bin?sign=${s}&speed=1`,
      (s: string) => `https://bucket/x?X-Amz-Signature=${s}`,
      (s: string) => `https://ann:${s}@cloud.example.com/`,
      (s: string) => `cloudreve://shareid:${s}@share/x`,
      (s: string) =>
        `GET /api/v4/file?uri=${encodeURIComponent(`cloudreve://shareid:${s}@share/x`)}&page_size=1`,
      (s: string) => `see https://cloud.example.com/s/shareid/${s} for it`,
      (s: string) => JSON.stringify({ email: 'ann@example.com', password: s }),
      (s: string) => `eyJ${s}.${s}.${s}`,
    ]
    fc.assert(
      fc.property(secret, fc.constantFrom(...places), (value, place) => {
        expect(redactText(`before ${place(value)} after`)).not.toContain(value)
      }),
    )
  })

  it('are hidden in members by name, however deep and however spelled', () => {
    const fields = {
      request: { headers: { Authorization: 'abc' } },
      tokens: { refresh_token: 'def' },
      otp: 123456,
      session: {
        upload_urls: ['ghi'],
        completeURL: 'jkl',
        credential: 'mno',
        callback_secret: 'pqr',
        upload_policy: 'stu',
        encrypt_metadata: { key_plain_text: 'vwx' },
      },
    }
    expect(JSON.stringify(redact(fields))).not.toMatch(/abc|def|123456|ghi|jkl|mno|pqr|stu|vwx/)
  })

  it('what is no secret stays as it is', () => {
    const text = 'PUT cloudreve://my/Plans/a%20b.txt?x=1 answered 40073 after 12 ms'
    expect(redactText(text)).toBe(text)
    expect(redact({ size: 3, list: ['a'], at: null })).toEqual({ size: 3, list: ['a'], at: null })
  })

  it('errors keep name, code and causes', () => {
    const error = Object.assign(new Error('no', { cause: new Error('why: Bearer abcdefgh') }), {
      code: 'EIO',
    })
    expect(redact({ error })).toMatchObject({
      error: { name: 'Error', message: 'no', code: 'EIO', cause: { message: 'why: Bearer [hidden]' } },
    })
  })

  it('circles end', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(JSON.stringify(redact(circle))).toContain('[deep]')
  })
})

describe('the log', () => {
  it('is JSON lines without secrets, from the wanted level on', () => {
    const lines: string[] = []
    const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } })
    log.debug('not shown')
    log.warn('retry of http://h/x?sign=abcdef', { status: 500, token: 'abcdef' })
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 40, status: 500, token: '[hidden]' })
    expect(lines[0]).not.toContain('abcdef')
  })

  it('is set aside when it has grown, and only then', () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-'))
    try {
      const path = join(folder, 'mount.log')
      setAsideLog(path)
      writeFileSync(path, 'old')
      setAsideLog(path)
      expect(existsSync(`${path}.1`)).toBe(false)
      truncateSync(path, 11 * 1024 ** 2)
      setAsideLog(path)
      expect(existsSync(path)).toBe(false)
      expect(readFileSync(`${path}.1`, 'utf8').slice(0, 3)).toBe('old')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
