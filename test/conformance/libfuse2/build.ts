import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../../..')
const outDir = join(root, 'build', 'test')

/** Compiles sources and tests to plain JavaScript: a mount is served by a process of its own, without a test runner in it. */
export async function buildForNode(): Promise<void> {
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const args = ['-p', 'tsconfig.json', '--noEmit', 'false', '--outDir', outDir, '--rootDir', root]
  await promisify(execFile)(tsc, args, { cwd: root })
}

/** Where a file of this repository (`test/x.ts`) is after `buildForNode`. */
export function builtPath(source: string): string {
  return join(outDir, source.replace(/\.ts$/, '.js'))
}
