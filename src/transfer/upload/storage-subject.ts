import { withoutPassword } from '../../api/uri.ts'
import type { AnswerSubject } from '../storage-answer.ts'
import type { ContentUpload } from './content-upload.ts'

/** Shorter values of a query say nothing: numbers of parts, names of algorithms. */
const SHORTEST_SECRET = 16

/** How messages about one request of an upload name the file, and what they must not repeat of the request. */
export function storageSubject({ session }: ContentUpload, url: string): AnswerSubject {
  const { credential, callback_secret, upload_policy, completeURL, upload_urls, uri } = session
  const { pathname, searchParams } = new URL(url)
  const values = [...searchParams.values()].filter((value) => value.length >= SHORTEST_SECRET)
  const firstUrls = [completeURL, ...upload_urls.slice(0, 1)]
  // The longest first: what is left of a URL after one of its values was hidden would not be found any more.
  const paths = pathname.length >= SHORTEST_SECRET ? [pathname] : []
  return {
    subject: withoutPassword(uri),
    secrets: [url, ...firstUrls, ...paths, ...values, credential, callback_secret, upload_policy],
  }
}
