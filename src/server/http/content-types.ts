import { extensionOf } from '../names.ts'

const types: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  gif: 'image/gif',
  htm: 'text/html; charset=utf-8',
  html: 'text/html; charset=utf-8',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  md: 'text/markdown; charset=utf-8',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  xml: 'text/xml; charset=utf-8',
  zip: 'application/zip',
}

/** By the name; unknown ones are sniffed from the first bytes: text when they are valid UTF-8 without NUL. */
export function contentTypeOf(name: string, firstBytes: Buffer): string {
  const known = types[extensionOf(name)]
  if (known !== undefined) return known
  const isText = !firstBytes.includes(0) && !firstBytes.toString('utf8').includes('\uFFFD')
  return isText ? 'text/plain; charset=utf-8' : 'application/octet-stream'
}
