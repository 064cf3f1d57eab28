import { StorageError } from '../storage-error.ts'
import { withoutPassword } from '../../api/uri.ts'
import type { ContentUpload } from './content-upload.ts'

/** Where chunk `index` goes, at storages with a URL for each. @throws {StorageError} `malformed` */
export function urlOf({ session }: ContentUpload, index: number): string {
  return usable(session.upload_urls[index], session.uri)
}

/** Where everything goes, at storages with one URL. @throws {StorageError} `malformed` */
export function onlyUrl(upload: ContentUpload): string {
  return urlOf(upload, 0)
}

/** @throws {StorageError} `malformed` */
export function completionUrl({ session }: ContentUpload): string {
  return usable(session.completeURL, session.uri)
}

/** Addresses come from the server: one that is none must not end in an error that quotes it. */
function usable(url: string | undefined, uri: string): string {
  if (url !== undefined && /^https?:\/\/[^/]/i.test(url) && URL.canParse(url)) return url
  throw new StorageError(
    'malformed',
    `${withoutPassword(uri)}: the server gave no usable address of its storage`,
  )
}
