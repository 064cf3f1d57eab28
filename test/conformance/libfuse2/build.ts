import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../../..')
const outDir = join(root, 'build', 'test')

/**
 * Compiles sources and tests to plain JavaScript, once before the tests run: a mount is served by a process of its own, without a
 * test runner in it. Types are another check's business.
 */
export async function setup(): Promise<void> {
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const args = [
    '-p',
    'tsconfig.json',
    '--noCheck',
    '--noEmit',
    'false',
    '--outDir',
    outDir,
    '--rootDir',
    root,
  ]
  await promisify(execFile)(tsc, args, { cwd: root })
}

/** Where a file of this repository (`test/x.ts`) is after `setup`. */
export function builtPath(source: string): string {
  return join(outDir, source.replace(/\.ts$/, '.js'))
}
