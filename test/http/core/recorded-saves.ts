/**
 * How programs save, as strace shows it: every call that changes something, with descriptors and flags. Recorded from vim 9.0,
 * rsync 3.5, git 2.39, sqlite 3.40, LibreOffice 7.4 and GLib 2.74, whose `g_file_replace` gedit saves with; emacs and Word (over a
 * mount) by what they are known to do.
 */
import { constants } from 'node:fs'
import { patterned } from '../../conformance/suite.ts'
import {
  fresh,
  first,
  second,
  page,
  swapFile,
  vimWrites,
  swapFileGoes,
  emacsKeepsABackup,
  gioWrites,
  geditKeepsABackup,
  geditReplacesItsBackup,
  libreOfficeSaves,
  officeDocument,
  looseObject,
  lockedWrite,
  appended,
  type Call,
} from './recorded-calls.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants

export interface RecordedSave {
  readonly name: string
  /** What is at the server before, by path. */
  readonly before: Readonly<Record<string, string | Buffer>>
  readonly calls: readonly Call[]
  /** What the server has in the end, and how many versions of it. Files of `before` keep their ids. */
  readonly after: Readonly<Record<string, readonly [content: string | Buffer, versions: number]>>
  /** Requests until everything is at the server, by route. */
  readonly requests: Readonly<Record<string, number>>
}

const onePut = { 'PUT /file/content': 1 }
/** Of a content that goes with a time or a mode: a session, its chunk, and its confirmation. */
const session = { 'PUT /file/upload': 1, 'POST /file/upload': 1, 'GET /file/info': 1 }
/** Beside a save: the old content, which is here, with its time as a new file, after which its folder is looked at. */
const saveAndOld = { ...onePut, ...session, 'GET /file/info': 2 }

export const recordedSaves: readonly RecordedSave[] = [
  {
    name: 'vim with writebackup: the file renamed away, written anew, the backup removed',
    before: { 'report.txt': first },
    calls: [
      ...swapFile(),
      ['open', 3, '4913', O_WRONLY | O_CREAT | O_EXCL, 0o644],
      ['close', 3],
      ['unlink', '4913'],
      ['rename', 'report.txt', 'report.txt~'],
      ...vimWrites(),
      ['unlink', 'report.txt~'],
      ...swapFileGoes,
    ],
    after: { 'report.txt': [second, 2] },
    requests: onePut,
  },
  {
    name: 'vim without a backup: emptied and written',
    before: { 'report.txt': first },
    calls: [...swapFile(), ...vimWrites(), ...swapFileGoes],
    after: { 'report.txt': [second, 2] },
    requests: onePut,
  },
  {
    name: 'LibreOffice: a lock file that comes and goes, a temporary file renamed over, which gets its mode only then',
    before: { 'report.odt': first },
    calls: libreOfficeSaves(),
    after: { 'report.odt': [officeDocument, 2] },
    requests: onePut,
  },
  {
    name: 'gedit (GIO): a temporary file with the mode of the old one, renamed over',
    before: { 'report.txt': first },
    calls: gioWrites(second),
    after: { 'report.txt': [second, 2] },
    requests: onePut,
  },
  {
    name: 'gedit with backups: the old one renamed to its backup, which stays',
    before: { 'report.txt': first },
    calls: geditKeepsABackup(),
    after: { 'report.txt~': [first, 1], 'report.txt': [second, 2] },
    requests: saveAndOld,
  },
  {
    name: 'gedit with a backup of another day, which it removes before',
    before: { 'report.txt': first, 'report.txt~': 'older\n' },
    calls: geditReplacesItsBackup(),
    after: { 'report.txt~': [first, 2], 'report.txt': [second, 2] },
    requests: { ...onePut, ...session },
  },
  {
    name: 'emacs with its backup, which stays: the old one renamed to it, a new one written',
    before: { 'report.txt': first },
    calls: emacsKeepsABackup(),
    after: { 'report.txt~': [first, 1], 'report.txt': [second, 2] },
    requests: saveAndOld,
  },
  {
    name: 'emacs with its backup of another day, which the new one replaces',
    before: { 'report.txt': first, 'report.txt~': 'older\n' },
    calls: emacsKeepsABackup(),
    after: { 'report.txt~': [first, 2], 'report.txt': [second, 2] },
    requests: { 'PUT /file/content': 2 },
  },
  {
    name: 'Word over a mount: the new one to its name when the old one was moved out of the way',
    before: { 'report.docx': first },
    calls: [
      ['open', 3, '~$report.docx', fresh, 0o644],
      ['write', 3, '\u0003una', 0],
      ['close', 3],
      ['open', 4, '~WRD0001.tmp', fresh, 0o644],
      ['write', 4, second, 0],
      ['fsync', 4],
      ['close', 4],
      ['rename', 'report.docx', '~WRL0002.tmp'],
      ['rename', '~WRD0001.tmp', 'report.docx'],
      ['unlink', '~WRL0002.tmp'],
      ['unlink', '~$report.docx'],
    ],
    after: { 'report.docx': [second, 2] },
    requests: onePut,
  },
  {
    name: 'rsync -a: a temporary file with the time of its source, renamed over',
    before: { 'report.txt': first },
    calls: [
      ['open', 5, '.report.txt.JkNN7o', fresh, 0o600],
      ['chmod', '.report.txt.JkNN7o', 0o600],
      ['write', 5, second, 0],
      ['close', 5],
      ['utimens', '.report.txt.JkNN7o', 1_577_836_800_357_278_728n],
      ['chmod', '.report.txt.JkNN7o', 0o644],
      ['rename', '.report.txt.JkNN7o', 'report.txt'],
    ],
    after: { 'report.txt': [second, 2] },
    requests: session,
  },
  {
    name: 'rsync -a --inplace: written over, cut, and given the time of its source',
    before: { 'report.txt': first },
    calls: [
      ['open', 5, 'report.txt', O_WRONLY | O_CREAT, 0o600],
      ['write', 5, second, 0],
      ['ftruncate', 5, second.length],
      ['close', 5],
      ['utimens', 'report.txt', 1_577_836_800_357_278_728n],
    ],
    after: { 'report.txt': [second, 2] },
    requests: session,
  },
  {
    name: 'git add: an object written once, and the index by its lock file',
    before: { '.git/index': first, '.git/objects/00/78818a': 'an object' },
    calls: [
      ['open', 3, '.git/index.lock', fresh, 0o666],
      ...looseObject('.git/objects/f7/19efd4', 1),
      ['write', 3, second, 0],
      ['close', 3],
      ['rename', '.git/index.lock', '.git/index'],
    ],
    after: {
      '.git/index': [second, 2],
      '.git/objects/00/78818a': ['an object', 1],
      '.git/objects/f7/19efd4': [patterned(60, 1), 1],
    },
    // The upload makes the new folder; a listing tells its id.
    requests: { 'GET /file': 1, 'PUT /file/content': 1, ...session, 'GET /file/info': 2 },
  },
  {
    name: 'git commit: two objects, the index, the branch by its lock file, and its logs',
    before: {
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/index': first,
      '.git/refs/heads/main': 'c953cb\n',
      '.git/logs/HEAD': 'one\n',
      '.git/logs/refs/heads/main': 'one\n',
      '.git/COMMIT_EDITMSG': 'one\n',
      '.git/objects/00/78818a': 'an object',
    },
    calls: [
      ['open', 7, '.git/index.lock', fresh, 0o666],
      ...looseObject('.git/objects/0e/493054', 1),
      ['write', 7, second, 0],
      ['close', 7],
      ['rename', '.git/index.lock', '.git/index'],
      ['open', 3, '.git/COMMIT_EDITMSG', O_WRONLY | O_CREAT | O_TRUNC, 0o666],
      ['write', 3, 'two\n', 0],
      ['close', 3],
      ...looseObject('.git/objects/66/4d6a75', 2),
      ['open', 8, '.git/HEAD.lock', fresh, 0o666],
      ['close', 8],
      ...lockedWrite('.git/refs/heads/main', '664d6a\n'),
      ...appended('.git/logs/HEAD', 'two\n'),
      ...appended('.git/logs/refs/heads/main', 'two\n'),
      ['unlink', '.git/HEAD.lock'],
      ['open', 3, '.git/objects/maintenance.lock', fresh, 0o666],
      ['close', 3],
      ['unlink', '.git/objects/maintenance.lock'],
    ],
    after: {
      '.git/COMMIT_EDITMSG': ['two\n', 2],
      '.git/HEAD': ['ref: refs/heads/main\n', 1],
      '.git/index': [second, 2],
      '.git/logs/HEAD': ['one\ntwo\n', 2],
      '.git/logs/refs/heads/main': ['one\ntwo\n', 2],
      '.git/objects/00/78818a': ['an object', 1],
      '.git/objects/0e/493054': [patterned(60, 1), 1],
      '.git/objects/66/4d6a75': [patterned(60, 2), 1],
      '.git/refs/heads/main': ['664d6a\n', 2],
    },
    requests: {
      // The uploads make the new folders; a listing each tells their ids.
      'GET /file': 2,
      'PUT /file/upload': 2,
      'POST /file/upload': 2,
      'GET /file/info': 3,
      'PUT /file/content': 5,
    },
  },
  {
    name: 'sqlite: a rollback journal that comes and goes around pages written in place',
    before: { 'app.db': Buffer.concat([page(1), page(2)]) },
    calls: [
      ['open', 3, 'app.db', O_RDWR | O_CREAT, 0o644],
      ['open', 4, 'app.db-journal', O_RDWR | O_CREAT, 0o644],
      ['write', 4, patterned(512, 3), 0],
      ['write', 4, patterned(8208, 4), 512],
      ['fsync', 4],
      ['write', 4, patterned(12, 5), 0],
      ['fsync', 4],
      ['write', 3, page(6), 0],
      ['write', 3, page(7), 4096],
      ['fsync', 3],
      ['close', 4],
      ['unlink', 'app.db-journal'],
      ['close', 3],
    ],
    after: { 'app.db': [Buffer.concat([page(6), page(7)]), 2] },
    requests: onePut,
  },
  {
    name: 'sqlite with a write-ahead log: checkpointed at the end',
    before: { 'app.db': Buffer.concat([page(1), page(2)]) },
    calls: [
      ['open', 3, 'app.db', O_RDWR | O_CREAT, 0o644],
      ['open', 4, 'app.db-wal', O_RDWR | O_CREAT, 0o644],
      ['open', 5, 'app.db-shm', O_RDWR | O_CREAT, 0o644],
      ['ftruncate', 5, 3],
      ['write', 5, '\0', 32_767],
      ['write', 4, patterned(32, 3), 0],
      ['fsync', 4],
      ['write', 4, patterned(4120, 4), 32],
      ['fsync', 4],
      ['write', 3, page(5), 4096],
      ['ftruncate', 3, 8192],
      ['fsync', 3],
      ['unlink', 'app.db-shm'],
      ['close', 5],
      ['close', 4],
      ['unlink', 'app.db-wal'],
      ['close', 3],
    ],
    after: { 'app.db': [Buffer.concat([page(1), page(5)]), 2] },
    requests: { 'PUT /file/content': 1 },
  },
  {
    name: 'an editor that only looks',
    before: { 'report.txt': first },
    calls: [
      ['open', 3, 'report.txt', O_RDONLY],
      ['close', 3],
      ['open', 3, 'report.txt', O_RDWR],
      ['close', 3],
    ],
    after: { 'report.txt': [first, 1] },
    requests: {},
  },
]
