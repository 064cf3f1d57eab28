import { UriError, parseUri, type CloudreveUri } from '../api/uri.ts'
import { MountError, type MountSpec } from './spec.ts'

/** What a mount shows, with the password of a share. @throws {MountError} */
export function rootOf({ rootUri, share }: Pick<MountSpec, 'rootUri' | 'share'>): CloudreveUri {
  try {
    const root = parseUri(rootUri)
    return share?.password === undefined ? root : { ...root, password: share.password }
  } catch (error) {
    if (error instanceof UriError)
      throw new MountError(`--root will not do: ${error.message}`, { cause: error, kind: 'usage' })
    throw error
  }
}
