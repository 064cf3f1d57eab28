/**
 * Whether contents can be read: their signed URLs are built on the site URL that the operator set, which need not be the
 * address that this client uses, or on a storage's own host.
 */
import { openEnvelope } from '../../api/envelope.ts'
import type { ApiClient } from '../../api/client.ts'
import { downloadUrls, listFolder } from '../../api/endpoints/files.ts'
import { isApiError } from '../../api/errors.ts'
import type { WireFile } from '../../api/schema.ts'
import { assertNever } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { ContentStreams, type StreamEnd } from '../../transfer/content-stream.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

/** Asks for the first byte of a content. `hold` is told of requests that go on when nobody waits any more. */
export type ContentProbe = (
  request: { readonly url: string; readonly totalBytes: number; readonly signal: AbortSignal },
  hold: (ended: Promise<unknown>) => void,
) => Promise<StreamEnd>

export interface ContentParts {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly probeContent: ContentProbe
}

const FILE = 0
const ROOT = 'cloudreve://my'
const PAGE_SIZE = 200
/** Folders of the root that are looked into when it holds no file itself. */
const FOLDERS = 10

export async function contentFinding(client: ApiClient, parts: ContentParts): Promise<Finding> {
  const file = await someFile(client, parts.signal)
  if (!file) return ok('contents', 'not tried: there is no file near the top of the drive yet')
  const { urls } = await downloadUrls(client, [file.path], parts)
  const [given = ''] = urls
  if (!URL.canParse(given)) return noAddress(client.origin)
  const url = new URL(given)
  const end = await probe(client, { file, url, ...parts })
  if (end.kind === 'complete') return ok('contents', `can be read from ${url.origin}`)
  const own = new URL(client.origin)
  if (url.origin === own.origin) return ownAddressFails(url, end)
  if (!isMaster(url)) return storageFails(url, end)
  const detour = new URL(url.pathname + url.search, own)
  const alternative = await probe(client, { file, url: detour, ...parts })
  // What a mount does by itself: see transfer/download.ts.
  const isDetoured = end.kind === 'broken' && !end.connected && alternative.kind === 'complete'
  return wrongSiteUrl({ url, own }, end, isDetoured)
}

/** The smallest of the first page, or of the first folders. */
async function someFile(client: ApiClient, signal: AbortSignal): Promise<WireFile | undefined> {
  const top = await listFolder(client, ROOT, { pageSize: PAGE_SIZE, signal })
  const folders = top.files.filter(({ type }) => type !== FILE).slice(0, FOLDERS)
  let smallest = smallestOf(top.files)
  for (const { path } of folders) {
    if (smallest) break
    smallest = smallestOf((await listFolder(client, path, { pageSize: PAGE_SIZE, signal })).files)
  }
  return smallest
}

function smallestOf(files: readonly WireFile[]): WireFile | undefined {
  return files
    .filter(({ type, size, primary_entity: entity }) => type === FILE && size > 0 && entity !== '')
    .sort((a, b) => a.size - b.size)[0]
}

function probe(
  client: ApiClient,
  { file, url, signal, probeContent }: ContentParts & { file: WireFile; url: URL },
): Promise<StreamEnd> {
  const request = { url: url.href, totalBytes: file.size, signal }
  return probeContent(request, (ended) => void client.track(ended))
}

/** A URL of the server itself, as opposed to a storage's. */
function isMaster({ pathname }: URL): boolean {
  return pathname.startsWith('/api/v4/file/content/')
}

type Failed = Exclude<StreamEnd, { kind: 'complete' }>

function wrongSiteUrl({ url, own }: { url: URL; own: URL }, end: Failed, isDetoured: boolean): Finding {
  const text =
    `for contents the server sends everybody to ${url.origin}, which ${whyNot(end)}; this machine knows it as ` +
    `${own.origin}, so the site URL in the server's settings is wrong or not meant for this network`
  const remedy = `ask the operator to add ${own.origin} to the site URLs in the settings of the site (admin panel)`
  if (!isDetoured) return fail('contents', `${text}: no file can be read`, { remedy })
  return warn(
    'contents',
    `${text}; a mount fetches them from ${own.origin} all the same, browsers cannot`,
    remedy,
  )
}

function noAddress(origin: string): Finding {
  return fail(
    'contents',
    'the addresses that the server gives for contents are no web addresses, so its site URL is wrong: no file can be read',
    {
      remedy: `ask the operator to set the site URL to ${origin} in the settings of the site (admin panel)`,
    },
  )
}

function storageFails(url: URL, end: Failed): Finding {
  return fail('contents', `the storage of the contents, ${url.origin}, ${whyNot(end)}: no file can be read`, {
    remedy:
      'contents come from that host directly: let this machine reach it (network, VPN, proxy), or ask the operator, ' +
      'who sets its address in the storage policy',
  })
}

function ownAddressFails(url: URL, end: Failed): Finding {
  return fail('contents', `a file's content at ${url.origin} ${whyNot(end)}`, {
    remedy:
      'open a file in a browser: if that fails too, tell the operator; else a proxy on the way may forbid ranges',
  })
}

function whyNot(end: Failed): string {
  switch (end.kind) {
    case 'broken':
      return end.connected ? `breaks off (${end.reason})` : `cannot be reached (${end.reason})`
    case 'wrong-content':
      return `does not give the part that was asked for (${end.reason})`
    case 'refused':
      return refusalOf(end)
    default:
      return assertNever(end)
  }
}

/** Errors of the server's own route are HTTP 200 with an envelope. */
function refusalOf({ status, body }: Extract<StreamEnd, { kind: 'refused' }>): string {
  if (status !== 200 || !body.trimStart().startsWith('{'))
    return `answers HTTP ${status} instead of the content`
  try {
    openEnvelope(
      { status, headers: {}, text: body },
      { endpoint: 'GET /file/content', mutating: false, subject: 'it' },
    )
  } catch (error) {
    if (isApiError(error)) return `refuses it (${error.message})`
    throw error
  }
  return 'answers something else instead of the content'
}

/** The real one. `close` when the last examination is over. */
export function contentProbe(clock: Clock): { readonly probe: ContentProbe; readonly close: () => void } {
  const streams = new ContentStreams({ clock, firstByteMs: 20_000 })
  return {
    async probe({ url, totalBytes, signal }, hold) {
      const into = { buffer: new Uint8Array(1), filled: 0 }
      const request = { url, range: { start: 0, end: 1 }, totalBytes, etag: undefined, into, signal }
      return (await streams.read(request, hold)).end
    },
    close: () => streams.close(),
  }
}
