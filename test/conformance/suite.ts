import { expect } from 'vitest'
import { errorCode, type Ability, type Engine, type Handle } from './engine.ts'

export { patterned } from './patterned.ts'

/** One behaviour, run on a fresh, empty folder of each engine. */
export interface Case {
  readonly name: string
  readonly needs: readonly Ability[]
  readonly run: (fs: Engine) => Promise<void>
}

export interface Suite {
  readonly topic: string
  readonly cases: readonly Case[]
}

export function suite(topic: string, cases: readonly Case[]): Suite {
  return { topic, cases }
}

export function it(name: string, run: Case['run']): Case {
  return { name, needs: [], run }
}

/** A case for engines with these abilities; elsewhere it is skipped with the engine's reason. */
export function itNeeds(needs: readonly Ability[], name: string, run: Case['run']): Case {
  return { name, needs, run }
}

/** Asserts that `action` is refused with the given errno. */
export async function refused(code: string, action: Promise<unknown>): Promise<void> {
  const outcome = await action.then(
    () => 'it succeeded',
    (error: unknown) => errorCode(error) ?? String(error),
  )
  expect(outcome).toBe(code)
}

export async function text(fs: Engine, path: string): Promise<string> {
  return (await fs.readFile(path)).toString()
}

/** Compares without printing megabytes. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length)
  if (Buffer.compare(actual, expected) === 0) return
  const at = expected.findIndex((byte, i) => actual[i] !== byte)
  expect.fail(
    `bytes differ first at ${at}: ${Buffer.from(actual.subarray(at, at + 16)).toString('hex')} instead of ` +
      Buffer.from(expected.subarray(at, at + 16)).toString('hex'),
  )
}

/** What the file holds here, and, once settled, at the server. */
export async function expectContent(fs: Engine, path: string, expected: string | Uint8Array): Promise<void> {
  const bytes = Buffer.from(expected as string)
  expectBytes(await fs.readFile(path), bytes)
  await fs.settle()
  expectBytes(await fs.readFile(path), bytes)
  if (fs.server) expectBytes(await fs.server.bytes(path), bytes)
}

export async function withHandle<T>(
  handle: Promise<Handle>,
  use: (handle: Handle) => Promise<T>,
): Promise<T> {
  const opened = await handle
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}
