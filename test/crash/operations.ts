/** What a program asks of the kernel, one call at a time. */
export type Operation =
  | {
      readonly do: 'open'
      readonly handle: number
      readonly path: string
      /** `new` must not be there; `over` empties what is there. */
      readonly how: 'new' | 'use' | 'append' | 'over'
    }
  | {
      readonly do: 'write'
      readonly handle: number
      /** Ignored where the file is open for appending. */
      readonly offset: number
      readonly length: number
      /** Says which bytes: no two writes of a run have the same. */
      readonly token: number
    }
  | { readonly do: 'truncate'; readonly handle: number; readonly sizeBytes: number }
  | { readonly do: 'fsync'; readonly handle: number }
  | { readonly do: 'close'; readonly handle: number }
  /** Of a whole file, to where nothing is, as cp(1) does: by copy_file_range(2). */
  | { readonly do: 'copy'; readonly from: string; readonly to: string }
  /** Of a file or a folder. */
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  | { readonly do: 'unlink'; readonly path: string }
  | { readonly do: 'mkdir'; readonly path: string }
  | { readonly do: 'rmdir'; readonly path: string }
  | { readonly do: 'symlink'; readonly target: string; readonly path: string }
  | { readonly do: 'chmod'; readonly path: string; readonly mode: number }
  /** `user.note`; without a value it is removed. */
  | { readonly do: 'note'; readonly path: string; readonly value?: string }
  | { readonly do: 'utimes'; readonly path: string; readonly mtimeMs: number }

/** What became of it: `refused` with an errno, or `cut` off by the end of the process. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | { readonly kind: 'cut' }
