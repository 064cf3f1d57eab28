import { settle } from './manual-clock.ts'
import { PowerLossDisk } from './power-loss.ts'
import { TestDrive, type TestDriveOptions } from './test-drive.ts'

/** Two clients of one drive: they share the server and the time, and nothing else. */
export class TwoDrives {
  readonly one: TestDrive
  readonly two: TestDrive

  private constructor(one: TestDrive, two: TestDrive) {
    this.one = one
    this.two = two
  }

  /** `files`: what is at the server before either starts, by path. */
  static async open(
    files: Readonly<Record<string, string>>,
    options: TestDriveOptions = {},
  ): Promise<TwoDrives> {
    const start = async (hostName: string, beside?: TestDrive) =>
      TestDrive.open(
        // A disk that takes no time: how much passes in a test must not depend on the machine.
        { hostName, fileLayer: await PowerLossDisk.with('/'), ...options, ...(beside && { beside }) },
        (remote) => {
          if (beside) return
          for (const [path, text] of Object.entries(files)) remote.putAsOther(path, text)
        },
      )
    const one = await start('one')
    return new TwoDrives(one, await start('two', one))
  }

  /** Both have sent everything, and neither trusts what it knew before. */
  async settleAll(): Promise<void> {
    await this.one.clock.advance(2_000)
    for (let round = 0; round < 10; round += 1) {
      for (const drive of [this.one, this.two]) await drive.drain()
      await settle()
      if (![this.one, this.two].some(isLeft)) break
      await this.one.clock.advance(61_000)
    }
    await this.one.outdate()
  }

  /** Every file with its content, which both show as the server has it. @throws {Error} when they do not */
  async agreed(): Promise<Record<string, string>> {
    const { remote } = this.one
    const files = remote.paths().filter((path) => !path.endsWith('/'))
    const stored = Object.fromEntries(files.map((path) => [path, remote.textAt(path) ?? '']))
    for (const drive of [this.one, this.two]) {
      const shown = JSON.stringify(await shownBy(drive))
      if (shown !== JSON.stringify(stored))
        throw new Error(`a client shows ${shown}, the server has ${JSON.stringify(stored)}`)
    }
    return stored
  }

  /** The same with conflict copies under `copy of <path>`. */
  async agreedWithCopies(): Promise<Record<string, string>> {
    const files = Object.entries(await this.agreed())
    return Object.fromEntries(files.map(([path, text]) => [path.replace(copyMark, '(copy)'), text]))
  }

  async stop(): Promise<void> {
    await this.two.stop()
    await this.one.stop()
  }
}

function isLeft({ drive }: TestDrive): boolean {
  return drive.unsentNames > 0 || drive.top.pending().length > 0
}

const copyMark = /\(conflict [^)]*\)/

async function shownBy(drive: TestDrive, path = ''): Promise<Record<string, string>> {
  const found: [string, string][] = []
  for (const name of await drive.names(path)) {
    const at = path === '' ? name : `${path}/${name}`
    if ((await drive.stat(at)).kind === 'folder') found.push(...Object.entries(await shownBy(drive, at)))
    else found.push([at, await drive.text(at, 1)])
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)))
}
