/** Where a process is that does not go on: as V8 says, and as the kernel says of one that does not even heed a signal. */
import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { atMost } from './progress.ts'

const signal = 'SIGUSR2'
const reportName = 'report.json'
/** What Node says on standard error behind the report. */
const isWritten = 'Node.js report completed'

/** Options of Node by which the process tells in `folder`, when it is asked, where it is. */
export function reportOptions(folder: string): readonly string[] {
  return [
    '--report-on-signal',
    `--report-signal=${signal}`,
    '--report-exclude-network',
    `--report-directory=${folder}`,
    `--report-filename=${reportName}`,
  ]
}

interface Report {
  readonly javascriptStack: { readonly stack?: readonly string[] }
  readonly libuv: readonly Readonly<Record<string, unknown>>[]
}

/** A sentence. @requires that the process was started with `reportOptions(folder)` */
export async function whereItIs(child: ChildProcess, folder: string): Promise<string> {
  const reported = await atMost(report(child, folder), undefined)
  if (reported) return `where it is: ${reported}`
  return `it does not even say where it is; the kernel says: ${await kernelSays(child.pid!)}`
}

async function report(child: ChildProcess, folder: string): Promise<string | undefined> {
  const written = new Promise<void>((resolve) => {
    child.stderr!.on('data', (bytes: Buffer) => {
      if (bytes.toString().includes(isWritten)) resolve()
    })
  })
  child.kill(signal)
  await written
  const { javascriptStack, libuv } = JSON.parse(await readFile(join(folder, reportName), 'utf8')) as Report
  const open = libuv.filter(({ type }) => type === 'tcp' || type === 'pipe' || type === 'timer')
  return JSON.stringify({ stack: javascriptStack.stack ?? [], open })
}

async function kernelSays(pid: number): Promise<string> {
  const of = (name: string) =>
    readFile(`/proc/${pid}/${name}`, 'utf8').catch((error: unknown) => String(error))
  const [status, waitsIn] = await Promise.all([of('status'), of('wchan')])
  return `${/^State:.*$/m.exec(status)?.[0] ?? status}, waits in ${waitsIn}`
}
