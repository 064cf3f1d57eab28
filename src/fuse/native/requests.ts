/** What the kernel asks, typed. Which bytes say so is the business of `decode.ts`. */
import type { ErrnoCode } from '../../base/errno.ts'
import type {
  Allocation,
  AttrChanges,
  Fh,
  FilePosition,
  Ino,
  RenameFlags,
  SeekTarget,
  XattrMode,
} from '../../core/types.ts'

export interface RequestHeader {
  /** The whole message. */
  readonly lengthBytes: number
  readonly opcode: number
  /** Names the request in its reply; opaque. */
  readonly unique: number
  readonly ino: Ino
  readonly uid: number
  readonly gid: number
  /** 0 when the kernel asks for itself. */
  readonly pid: number
  /** Bytes of extensions behind the body. */
  readonly extensionBytes: number
}

export interface Forget {
  readonly ino: Ino
  readonly count: number
}

export interface InitRequest {
  readonly op: 'init'
  readonly major: number
  readonly minor: number
  readonly maxReadaheadBytes: number
  readonly flags: number
  readonly flags2: number
}

/** Read, readdir and readdirplus ask in the same words. */
export interface Window {
  readonly fh: Fh
  /** Bytes of a file, or the position after an entry of a folder. */
  readonly offset: number
  readonly sizeBytes: number
}

/** The kernel leaves it to us to take the set-id bits away. */
export interface KillsPrivileges {
  readonly killSuidGid: boolean
}

/** Requests that nobody waits for: none is ever answered. */
export type OneWay =
  | { readonly op: 'forget'; readonly forgets: readonly Forget[] }
  | { readonly op: 'interrupt'; readonly target: number }
  | { readonly op: 'ignored' }

/** Requests about the connection itself. */
export type Control = InitRequest | { readonly op: 'destroy' }

/** What we do not do, and how the kernel is told. */
export interface Refused {
  readonly op: 'refused'
  readonly errno: ErrnoCode
}

/** Requests that the filesystem answers. */
export type Served =
  | { readonly op: 'lookup'; readonly name: string }
  | { readonly op: 'getattr'; readonly fh: Fh | undefined }
  /** As getattr, with the time of creation. */
  | { readonly op: 'statx'; readonly fh: Fh | undefined }
  | (KillsPrivileges & { readonly op: 'setattr'; readonly changes: AttrChanges; readonly fh: Fh | undefined })
  | { readonly op: 'readlink' }
  | { readonly op: 'symlink'; readonly name: string; readonly target: string }
  | { readonly op: 'mknod'; readonly name: string; readonly mode: number }
  | { readonly op: 'mkdir'; readonly name: string; readonly mode: number }
  | { readonly op: 'unlink'; readonly name: string }
  | { readonly op: 'rmdir'; readonly name: string }
  | {
      readonly op: 'rename'
      readonly name: string
      readonly newParent: Ino
      readonly newName: string
      readonly flags: RenameFlags
    }
  | { readonly op: 'link'; readonly existing: Ino; readonly name: string }
  | (KillsPrivileges & { readonly op: 'open'; readonly flags: number })
  | (KillsPrivileges & {
      readonly op: 'create'
      readonly name: string
      readonly mode: number
      readonly flags: number
    })
  | (Window & { readonly op: 'read' })
  /** `data` is the request's own memory. */
  | (KillsPrivileges & {
      readonly op: 'write'
      readonly fh: Fh
      readonly offset: number
      readonly data: Buffer
    })
  | {
      readonly op: 'copyrange'
      readonly from: FilePosition
      readonly to: FilePosition
      readonly toIno: Ino
      readonly length: number
    }
  | { readonly op: 'seek'; readonly fh: Fh; readonly offset: number; readonly target: SeekTarget }
  | { readonly op: 'fallocate'; readonly fh: Fh; readonly allocation: Allocation }
  | { readonly op: 'flush'; readonly fh: Fh }
  | { readonly op: 'fsync'; readonly fh: Fh; readonly dataOnly: boolean }
  | { readonly op: 'release'; readonly fh: Fh }
  | { readonly op: 'opendir' }
  | (Window & { readonly op: 'readdir' })
  | (Window & { readonly op: 'readdirplus' })
  | { readonly op: 'releasedir'; readonly fh: Fh }
  | { readonly op: 'fsyncdir'; readonly fh: Fh }
  | { readonly op: 'statfs' }
  | { readonly op: 'getxattr'; readonly name: string; readonly roomBytes: number }
  | { readonly op: 'listxattr'; readonly roomBytes: number }
  | { readonly op: 'setxattr'; readonly name: string; readonly value: Uint8Array; readonly mode: XattrMode }
  | { readonly op: 'removexattr'; readonly name: string }

export type ServedOp = Served['op']
export type Request = Served | Control | OneWay | Refused
/** One kind of request that the filesystem answers. */
export type ServedRequest<Op extends ServedOp> = Extract<Served, { op: Op }>
