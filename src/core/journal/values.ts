/** What JSON can say: what goes in comes out the same. */
export type JournalValue =
  string | number | boolean | null | readonly JournalValue[] | { readonly [name: string]: JournalValue }

/** `key` means `value` from now on; without a value there is no such key any more. */
export type JournalChange =
  | { readonly key: string; readonly value: JournalValue }
  | { readonly key: string; readonly value?: undefined }

/** A journal that this version must not touch. */
export class JournalVersionError extends Error {
  override readonly name = 'JournalVersionError'

  constructor(path: string, version: number) {
    super(
      `${path} was written by a newer version of cloudreve-mount (journal format ${version}); use that version, ` +
        `so that what it has not sent yet is not lost`,
    )
  }
}
