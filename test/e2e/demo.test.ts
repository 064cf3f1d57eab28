import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { commandLine } from './harness.ts'

await describeMounts('the demo', ['getfattr', 'sh'], (driver) => {
  let home: string
  let folder: string
  let demo: ChildProcess
  let lines: string[]

  const environment = () => ({
    ...process.env,
    CLOUDREVE_MOUNT_DRIVER: driver,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    XDG_STATE_HOME: home,
  })
  const paste = (line: string) => run('sh', ['-c', line], { env: environment() })
  const file = () => join(folder, 'Documents/Project plan.md')

  /** Starts it and reads what it prints. */
  async function start(): Promise<void> {
    demo = spawn(process.execPath, [commandLine, 'demo', folder], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    lines = []
    for await (const line of createInterface(demo.stdout!)) {
      if (line.startsWith('  ')) lines.push(line.trim())
      if (line.startsWith('Ctrl-C')) return
    }
    throw new Error('the demo ended before it was mounted')
  }

  async function interrupt(): Promise<void> {
    const ended = once(demo, 'exit')
    demo.kill('SIGINT')
    await ended
  }

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'cm-e2e-demo-'))
    folder = join(home, 'my drive')
    await start()
  })
  afterAll(async () => {
    if (demo.exitCode === null && demo.signalCode === null) await interrupt()
    await rm(home, { recursive: true })
  })

  it('prints five lines that work when they are pasted', async () => {
    expect(lines).toHaveLength(5)
    const [list, history, copy, rename, facts] = await lines.reduce<Promise<string[]>>(
      async (outputs, line) => [...(await outputs), await paste(line)],
      Promise.resolve([]),
    )
    expect(list).toContain('Harbour.jpg')
    for (const name of ['Demo', 'Ann', 'Ben']) expect(history).toContain(`  ${name}  `)
    expect(copy).toBe(await readFile('/etc/os-release', 'utf8'))
    expect(rename).toContain('renamed Budget.csv -> Costs.csv')
    expect(facts).toMatch(/^shared +yes$/m)
    expect(facts!.match(/ by (Demo|Ann|Ben)/g)).toHaveLength(4)
  })

  it('knows of a share also after a save', async () => {
    await writeFile(file(), 'a new plan')
    await expect
      .poll(() => paste(lines[4]!), { timeout: 20_000 })
      .toMatch(/^versions .* 10 bytes .* current$/m)
    expect(await paste(lines[4]!)).toMatch(/^shared +yes$/m)
  })

  it('ends on Ctrl-C with a file open and a shell inside, removes its folder, and can be started again', async () => {
    const shell = spawn('sh', ['-c', 'exec 7>open.txt; echo ready; read line'], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    await once(shell.stdout, 'data')
    await interrupt()
    expect(existsSync(folder)).toBe(false)
    shell.stdin.end()
    await start()
    expect(await paste(lines[0]!)).toContain('Project plan.md')
  })
})
