import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { AttrChanges, FileKind } from '../../core/types.ts'
import type { AddonOperations } from './addon.ts'
import { Answerer } from './answerer.ts'
import { toAddonStat, toAddonStatfs, toDirentStat } from './attr-reply.ts'
import type { PathAdapter } from './path-adapter.ts'
import { xattrOperations } from './xattr-operations.ts'

/** `touch` asks for "now", which arrives as the kernel's clock; anything further off is a time that somebody chose. */
const NOW_TOLERANCE_MS = 5_000
/** chown(2)'s -1, as the addon passes it. */
const UNCHANGED_ID = 2 ** 32 - 1
const PERMISSION_BITS = 0o7777

export interface OperationsParts {
  readonly adapter: PathAdapter
  readonly clock: Clock
  readonly log: Log
}

/** The addon's callbacks over `adapter`. */
export function operationsOf(parts: OperationsParts): AddonOperations {
  const answer = new Answerer(parts.log)
  return {
    ...readingOperations(parts, answer),
    ...attributeOperations(parts, answer),
    ...nameOperations(parts, answer),
    ...contentOperations(parts, answer),
    ...xattrOperations(parts.adapter, answer),
  }
}

function readingOperations({ adapter }: OperationsParts, answer: Answerer) {
  return {
    getattr(path, done) {
      answer.run({ op: 'getattr', path }, (context) => adapter.getattr(path, context), {
        succeed: (attr) => done(0, toAddonStat(attr)),
        fail: done,
      })
    },
    readdir(path, done) {
      answer.run({ op: 'readdir', path }, (context) => adapter.readdir(path, context), {
        succeed(entries) {
          const all = [...dots, ...entries]
          const stats = all.map(({ kind, ino }) => toDirentStat(kind, ino))
          done(
            0,
            all.map(({ name }) => name),
            stats,
          )
        },
        fail: done,
      })
    },
    readlink(path, done) {
      answer.run({ op: 'readlink', path }, (context) => adapter.readlink(path, context), {
        succeed: (target) => done(0, target),
        fail: done,
      })
    },
    statfs(path, done) {
      answer.run({ op: 'statfs', path }, (context) => adapter.statfs(context), {
        succeed: (statfs) => done(0, toAddonStatfs(statfs)),
        fail: done,
      })
    },
    fsyncdir(path, _dataOnly, _fh, done) {
      answer.done({ op: 'fsyncdir', path }, (context) => adapter.fsyncdir(path, context), done)
    },
  } satisfies Partial<AddonOperations>
}

/** Readers want them; their numbers matter to nobody. */
const dots: readonly { name: string; kind: FileKind; ino: number }[] = [
  { name: '.', kind: 'folder', ino: 1 },
  { name: '..', kind: 'folder', ino: 1 },
]

function attributeOperations({ adapter, clock }: OperationsParts, answer: Answerer) {
  return {
    truncate(path, sizeBytes, done) {
      answer.done({ op: 'truncate', path }, (context) => adapter.setattr(path, { sizeBytes }, context), done)
    },
    ftruncate(path, fh, sizeBytes, done) {
      answer.done({ op: 'ftruncate', path }, (context) => adapter.ftruncate(fh, sizeBytes, context), done)
    },
    chmod(path, mode, done) {
      const changes = { mode: mode & PERMISSION_BITS }
      answer.done({ op: 'chmod', path }, (context) => adapter.setattr(path, changes, context), done)
    },
    chown(path, uid, gid, done) {
      const changes: AttrChanges = {
        ...(uid === UNCHANGED_ID ? {} : { uid }),
        ...(gid === UNCHANGED_ID ? {} : { gid }),
      }
      answer.done({ op: 'chown', path }, (context) => adapter.setattr(path, changes, context), done)
    },
    /**
     * The addon passes the access time in both places, so no modification time ever arrives: this driver takes no times
     * (`capabilities.times`). "Now" is told from a chosen time by its value; a chosen one is accepted and not kept.
     */
    utimens(path, atimeMs, _mtimeMs, done) {
      const isNow = Math.abs(clock.now() - atimeMs) <= NOW_TOLERANCE_MS
      if (!isNow) return done(0)
      return answer.done(
        { op: 'utimens', path },
        (context) => adapter.setattr(path, { mtime: 'now' }, context),
        done,
      )
    },
  } satisfies Partial<AddonOperations>
}

function nameOperations({ adapter }: OperationsParts, answer: Answerer) {
  return {
    mknod(path, mode, _device, done) {
      answer.done({ op: 'mknod', path }, (context) => adapter.mknod(path, mode, context), done)
    },
    mkdir(path, mode, done) {
      const permissions = mode & PERMISSION_BITS
      answer.done({ op: 'mkdir', path }, (context) => adapter.mkdir(path, permissions, context), done)
    },
    symlink(target, path, done) {
      answer.done({ op: 'symlink', path }, (context) => adapter.symlink(target, path, context), done)
    },
    link(path, newPath, done) {
      answer.done({ op: 'link', path }, (context) => adapter.link(path, newPath, context), done)
    },
    unlink(path, done) {
      answer.done({ op: 'unlink', path }, (context) => adapter.unlink(path, context), done)
    },
    rmdir(path, done) {
      answer.done({ op: 'rmdir', path }, (context) => adapter.rmdir(path, context), done)
    },
    rename(from, to, done) {
      answer.done({ op: 'rename', path: from }, (context) => adapter.rename(from, to, context), done)
    },
  } satisfies Partial<AddonOperations>
}

/** Memory that the addon lends is valid until the call is answered, and detached afterwards. */
function contentOperations({ adapter }: OperationsParts, answer: Answerer) {
  return {
    create(path, mode, done) {
      const permissions = mode & PERMISSION_BITS
      answer.run({ op: 'create', path }, (context) => adapter.create(path, permissions, context), {
        succeed: (fh) => done(0, fh),
        fail: done,
      })
    },
    open(path, flags, done) {
      answer.run({ op: 'open', path }, (context) => adapter.open(path, flags, context), {
        succeed: (fh) => done(0, fh),
        fail: done,
      })
    },
    // oxlint-disable-next-line max-params -- the addon's signature
    read(path, fh, buffer, length, offset, done) {
      answer.run({ op: 'read', path }, (context) => adapter.read(fh, offset, length, context), {
        succeed(bytes) {
          buffer.set(bytes)
          done(bytes.length)
        },
        fail: done,
      })
    },
    // oxlint-disable-next-line max-params -- the addon's signature
    write(path, fh, data, length, offset, done) {
      const bytes = data.subarray(0, length)
      answer.run({ op: 'write', path }, (context) => adapter.write(fh, offset, bytes, context), {
        succeed: done,
        fail: done,
      })
    },
    // No `flush`: after its folder was removed libfuse asks for it without a path, which the addon passes on as an unset value,
    // and the process dies. What close(2) would hear, fsync(2) and the next write hear.
    fsync(path, dataOnly, fh, done) {
      answer.done({ op: 'fsync', path }, (context) => adapter.fsync(fh, dataOnly !== 0, context), done)
    },
    release(path, fh, done) {
      answer.done({ op: 'release', path }, () => adapter.release(fh), done)
    },
  } satisfies Partial<AddonOperations>
}
