import { run } from '../harness/programs.ts'
import { projectFolder } from '../harness/embedded-server.ts'

/** The processes that are killed run what was compiled: Node 20 reads no TypeScript. */
export async function setup(): Promise<void> {
  await run('npx', ['tsc', '-p', 'tsconfig.crash.json'], { cwd: projectFolder })
}
