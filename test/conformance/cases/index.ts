import type { Suite } from '../suite.ts'
import { attributes } from './attributes.ts'
import { concurrency } from './concurrency.ts'
import { copies } from './copies.ts'
import { createAndRead } from './create-read.ts'
import { directories } from './directories.ts'
import { editors } from './editors.ts'
import { errors } from './errors.ts'
import { facts } from './facts.ts'
import { names } from './names.ts'
import { renameOver } from './rename-over.ts'
import { rename } from './rename.ts'
import { statfs } from './statfs.ts'
import { symlinks } from './symlinks.ts'
import { unlinkOpen } from './unlink-open.ts'
import { writePatterns } from './write-patterns.ts'
import { xattrs } from './xattrs.ts'

export const suites: readonly Suite[] = [
  createAndRead,
  writePatterns,
  copies,
  rename,
  renameOver,
  unlinkOpen,
  directories,
  names,
  attributes,
  symlinks,
  xattrs,
  facts,
  editors,
  concurrency,
  statfs,
  errors,
]
