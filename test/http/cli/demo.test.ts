import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { demo, demoFiles, demoText, type DemoParts } from '../../../src/cli/commands/demo.ts'
import { startServer } from '../../../src/server/index.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

let home: string
let cli: FakeCli
let events: string[]
let stop: AbortController
let processGone: () => void
let parts: DemoParts

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cli-demo-'))
  cli = new FakeCli()
  cli.environment = { HOME: home }
  events = []
  stop = new AbortController()
  const ended = new Promise<void>((resolve) => {
    processGone = resolve
  })
  parts = {
    startServer: () => {
      events.push('server started')
      const close = () => Promise.resolve(void events.push('server closed'))
      return Promise.resolve({
        url: 'http://127.0.0.1:1',
        email: 'demo@example.com',
        password: 'hidden-pw',
        close,
      })
    },
    stop: { first: stop.signal, second: new AbortController().signal, release() {} },
    endProcess: (pid) => Promise.resolve(void events.push(`process ${pid} ended`)),
    processEnd: () => ended,
    environment: {},
  }
})
afterEach(() => rmSync(home, { recursive: true }))

/** Runs the demo until its text is out, then `then`, then to its end. */
async function runUntilShown(then: () => void, mountpoint?: string): Promise<void> {
  const running = demo(cli.context, mountpoint, parts)
  while (!cli.out.includes('Ctrl-C ends the demo.')) {
    await Promise.race([running, new Promise((resolve) => setImmediate(resolve))])
  }
  then()
  await running
}

describe('demo', () => {
  it('ends the mount before the server on Ctrl-C, and leaves nothing behind', async () => {
    const folder = join(home, 'cloudreve-demo')
    await runUntilShown(() => {
      expect(existsSync(folder)).toBe(true)
      stop.abort()
    })
    expect(events).toEqual(['server started', 'process 4711 ended', 'server closed'])
    expect(existsSync(folder)).toBe(false)
    expect(existsSync(cli.started[0]!.stateFolder)).toBe(false)
  })

  it('ends when somebody unmounts the folder', async () => {
    await runUntilShown(() => processGone())
    expect(events).toEqual(['server started', 'server closed'])
  })

  it('keeps a folder that was there before', async () => {
    const folder = join(home, 'mine')
    mkdirSync(folder)
    await runUntilShown(() => stop.abort(), folder)
    expect(existsSync(folder)).toBe(true)
    expect(cli.started[0]!.mountpoint).toBe(folder)
  })

  it('gives the account to the process by its environment alone', async () => {
    await runUntilShown(() => stop.abort())
    expect(parts.environment).toMatchObject({
      CLOUDREVE_EMAIL: 'demo@example.com',
      CLOUDREVE_PASSWORD: 'hidden-pw',
    })
    expect(JSON.stringify([cli.started, cli.out, cli.err])).not.toContain('hidden-pw')
  })

  it('takes the driver from the environment, and no other option', async () => {
    cli.environment['CLOUDREVE_MOUNT_DRIVER'] = 'native'
    cli.environment['CLOUDREVE_MOUNT_UMASK'] = '077'
    await runUntilShown(() => stop.abort())
    expect(cli.started[0]!.options).toMatchObject({ driver: 'native', umask: '0022' })
  })

  it('says in a sentence why its folder is left', async () => {
    const folder = join(home, 'cloudreve-demo')
    await runUntilShown(() => {
      writeFileSync(join(folder, 'somebody put this here'), '')
      stop.abort()
    })
    expect(cli.err).toContain(`cloudreve-mount: ${folder} is left, since it is not empty`)
  })

  it('touches nothing in a folder that is not empty', async () => {
    const folder = join(home, 'full')
    mkdirSync(folder)
    writeFileSync(join(folder, 'file'), '')
    await expect(demo(cli.context, folder, parts)).rejects.toThrow('is not empty')
    expect(events).toEqual([])
    expect(readdirSync(folder)).toEqual(['file'])
  })

  it('closes the server when the mount cannot be had', async () => {
    const context = cli.context
    const starter = { ...context.starter, startInBackground: () => Promise.reject(new Error('no /dev/fuse')) }
    await expect(demo({ ...context, starter }, undefined, parts)).rejects.toThrow('no /dev/fuse')
    expect(events).toEqual(['server started', 'server closed'])
    expect(existsSync(join(home, 'cloudreve-demo'))).toBe(false)
  })

  it('prints five lines that a shell understands, whatever the folder is called', () => {
    const lines = demoText("/home/ann/it's a $HOME demo").filter((line) => line.startsWith('  '))
    expect(lines).toHaveLength(5)
    for (const line of lines) {
      expect(() => execFileSync('sh', ['-n', '-c', line])).not.toThrow()
      const words = execFileSync('sh', ['-c', `printf '%s\\n' ${line.replaceAll('&&', ' ')}`], {
        encoding: 'utf8',
      })
      expect(words).toContain("/home/ann/it's a $HOME demo")
    }
  })

  it('names files that the demo drive really has', async () => {
    const server = await startServer({ seed: 'demo', pro: true })
    try {
      for (const path of Object.values(demoFiles)) expect(server.admin.entry(`/${path}`)).toBeDefined()
    } finally {
      await server.close()
    }
  })
})
