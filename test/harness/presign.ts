import { createHash, createHmac } from 'node:crypto'

export interface PresignRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Origin and path; the path needs no encoding. */
  readonly url: string
  /** `uploadId`, `partNumber`, … */
  readonly query?: Readonly<Record<string, string>>
  readonly expiresSeconds?: number
}

const KEY_ID = 'test-key'
const SECRET = 'test-secret'
const REGION = 'us-east-1'

/** A URL that whoever has it may use, signed as AWS describes it (Signature Version 4, query parameters), host only. */
export function presign({ method, url, query = {}, expiresSeconds = 3600 }: PresignRequest): string {
  const { host, pathname } = new URL(url)
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${time.slice(0, 8)}/${REGION}/s3/aws4_request`
  const parameters = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${KEY_ID}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host',
  }
  const sorted = Object.entries(parameters)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort((a, b) => (a < b ? -1 : 1))
    .join('&')
  const canonical = [method, pathname, sorted, `host:${host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const key = scope.split('/').reduce<string | Buffer>((key, part) => mac(key, part), `AWS4${SECRET}`)
  const signature = mac(key, ['AWS4-HMAC-SHA256', time, scope, digest].join('\n')).toString('hex')
  return `${url}?${sorted}&X-Amz-Signature=${signature}`
}

function mac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
