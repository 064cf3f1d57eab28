import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patterned } from '../conformance/patterned.ts'
import { coreCuts, kernelCuts } from './cuts.ts'
import type { Hook } from './hooked-layer.ts'
import { childProgram, Life } from './life.ts'
import { OtherClient } from './other-client.ts'
import { Program } from './program.ts'
import { atMost, whileItGoesOn } from './progress.ts'
import type { Setup } from './protocol.ts'
import { Random } from './random.ts'
import { startServer, type EmbeddedServer, type LoggedRequest } from '../../src/server/index.ts'
import { nothingInline, type InlineLimits } from '../../src/core/inline/index.ts'
import { beginTrouble, troubles, type Trouble } from './trouble.ts'
import { judge, judgeRescue, judgeView, type Verdict } from './verdict.ts'

export interface RunOptions {
  readonly seed: number
  /** Through the kernel. */
  readonly isMounted: boolean
  /** Where its processes were meant to die; undefined: at places by chance. */
  readonly target: string | undefined
  /** Which staged files lie in the log of small ones. */
  readonly inline: Inline
  /** Of the journal, after the first process. */
  readonly damage: Damage
  /** For each process before the last: where it dies; none: at any moment. */
  readonly hooks: readonly (readonly Hook[])[]
}

/** What cannot be read of it: nothing, the record in its middle, or any record. */
export type Damage = 'none' | 'middle' | 'all'

/** `some` grow too large for it. */
export type Inline = 'none' | 'some' | 'small ones'

const inlineLimits: Readonly<Record<Inline, InlineLimits>> = {
  none: nothingInline,
  some: { fileBytes: 2_000, totalBytes: 20_000 },
  'small ones': { fileBytes: 64 * 1024, totalBytes: 16 * 1024 ** 2 },
}

export interface RunReport extends Verdict {
  readonly options: RunOptions
  readonly acknowledgedBytes: number
  /** As `Life.pulled`. */
  readonly pulled: readonly string[]
  /** How it went, in words, for who looks for a fault. */
  readonly story: readonly string[]
}

/** Who is killed takes nothing along of what it has written: no disk is needed for that, and its `fsync` would cost more than all else. */
const folderOfRuns = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** A process that was not killed by its hook is killed then, ms. */
const longestLifeMs = 1_500
/** So many seconds may pass without anything that happens: longer than the longest pause before a next try, 60 s. */
const longestPause = 100
/** One that tries again and again, without an end, is wrong as well; most take three. */
const longestRun = 300
/** What is left of a run whose process is killed ends in less, however busy the machine is, ms. */
const longestEndMs = 60_000
/** What the damaged journal spoke of is on this machine then: of a file that was sent and changed since, half would be at the server, ms. */
const sendsNothingMs = 60_000
/** A program waits so long for a server that nothing is wrong with: the machine may be busy, ms. */
const longPatienceMs = 120_000
/** The server is on this machine: what a killed process had asked for it does at once, or not at all, ms. */
const settleMs = 300

/** What a test of the runs themselves takes instead. */
export interface RunParts {
  readonly program: string
  readonly longestPause: number
}

/** Some processes that die while programs work, and one that brings everything to an end. */
export async function runOnce(
  options: RunOptions,
  parts: RunParts = { program: childProgram, longestPause },
): Promise<RunReport> {
  const run = new Run(options, parts)
  try {
    return await run.toItsEnd()
  } finally {
    await run.close()
  }
}

class Run {
  readonly #options: RunOptions
  readonly #parts: RunParts
  readonly #random: Random
  readonly #pulled: string[] = []
  readonly #story: string[] = []
  readonly #refusals: string[] = []
  #folder = ''
  #server!: EmbeddedServer
  #programs!: readonly Program[]
  #shared!: Program
  #other!: OtherClient
  /** The one that was started last. */
  #life: Life | undefined
  #kills = 0
  /** Settles when nothing more is done. */
  #going: Promise<unknown> = Promise.resolve()
  #isOver = false

  constructor(options: RunOptions, parts: RunParts) {
    this.#options = options
    this.#parts = parts
    this.#random = new Random(options.seed)
  }

  async toItsEnd(): Promise<RunReport> {
    await this.#prepare()
    const lives = this.#lives()
    this.#going = Promise.allSettled([lives])
    const verdict = await whileItGoesOn(lives, {
      signs: () => this.#signs(),
      looks: this.#parts.longestPause,
      most: longestRun,
      stalled: () => this.#stalled(),
    }).catch((error: unknown) =>
      wrong(`something that must work does not: ${error instanceof Error ? error.stack : String(error)}`),
    )
    if (this.#life) this.#story.push(this.#life.log)
    const programs = [...this.#programs, this.#shared]
    return {
      options: this.#options,
      complaints: [...this.#refusals, ...verdict.complaints],
      lostBytes: verdict.lostBytes,
      acknowledgedBytes: programs.reduce((sum, { acknowledgedBytes }) => sum + acknowledgedBytes, 0),
      pulled: this.#pulled,
      story: [
        ...this.#story,
        ...this.#server.requests.all.map(
          (r) =>
            `REQ ${r.number} ${r.method} ${r.path} in ${r.bytesIn} -> ${r.status} ${r.code} cut ${r.wasCut}`,
        ),
        ...programs.flatMap(({ diary, parts }) => diary.map((line) => `${parts.prefix} ${line}`)),
      ],
    }
  }

  /** Another one after anything that has happened. */
  #signs(): string {
    const done = [...this.#programs, this.#shared].reduce((sum, { diary }) => sum + diary.length, 0)
    return [this.#server.requests.all.length, done, this.#story.length].join()
  }

  async #stalled(): Promise<Verdict> {
    const reasons = (await this.#life?.whatItDoes()) ?? ['no process was started']
    return { complaints: ['stuck: the run does not come to its end', ...reasons], lostBytes: 0 }
  }

  async #lives(): Promise<Verdict> {
    const { hooks, damage } = this.#options
    const isDamaged = damage !== 'none'
    for (const [index, each] of hooks.entries()) {
      await this.#shortLife(each, isDamaged ? 'cut' : this.#random.pick(troubles))
      if (isDamaged && index === 0) await damageJournal(join(this.#folder, 'state/journal'), damage)
    }
    return isDamaged ? this.#rescued() : this.#lastLife()
  }

  /** Whatever it is stuck in: no process is started from now on, and none is left. */
  async close(): Promise<void> {
    this.#isOver = true
    this.#life?.kill()
    const hasEnded = Promise.all([this.#going, this.#life?.ended()])
      .then(() => this.#server.close())
      .then(() => true)
    if (!(await atMost(hasEnded, false, longestEndMs)))
      throw new Error(`the run of seed ${this.#options.seed} cannot be ended, though its process was killed`)
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #prepare(): Promise<void> {
    this.#folder = await mkdtemp(join(folderOfRuns, 'crash-'))
    await mkdir(join(this.#folder, 'mount'))
    this.#server = await startServer({ maxPutBytes: 200_000, chunkSizeBytes: 64_000 })
    const { admin } = this.#server
    // What was overwritten must be found at the end.
    admin.setRetention({ enabled: true, max: 0 })
    const random = this.#random
    const folders = ['work', 'both'] as const
    const cuts = this.#options.isMounted ? kernelCuts : coreCuts
    const first = new Map<string, Buffer>()
    for (const folder of folders) {
      admin.mkdir(`/${folder}`)
      for (let number = 1; number <= 3; number += 1) {
        const bytes = patterned(random.int(1, 9_000), random.int(1, 2 ** 31))
        const path = `${folder}/${folder[0]}-old${number}`
        first.set(path, bytes)
        await admin.write(`/${path}`, bytes)
      }
    }
    const shared = 'both/shared'
    await admin.write(`/${shared}`, 'first')
    this.#programs = folders.map((folder, index) => {
      const prefix = `${folder[0]}-`
      const own = new Map([...first].filter(([path]) => path.startsWith(`${folder}/`)))
      const makesOnly = this.#options.damage !== 'none'
      const parts = { random: random.fork(), folder, prefix, firstHandle: index * 1e6, makesOnly, cuts }
      return new Program(parts, own)
    })
    const parts = {
      random: random.fork(),
      folder: 'both',
      prefix: 'shared',
      firstHandle: 9e6,
      only: shared,
      cuts,
    }
    this.#shared = new Program(parts, new Map([[shared, Buffer.from('first')]]))
    this.#other = new OtherClient(this.#server, random.fork(), { folders, shared })
  }

  /** One process, from its start until it is killed. */
  async #shortLife(hooks: readonly Hook[], trouble: Trouble): Promise<void> {
    const random = this.#random
    const isEarly = trouble !== 'cut' && random.chance(0.3)
    this.#kills += 1
    this.#story.push(
      `[request ${this.#server.requests.all.length}] a process begins; the server ${isEarly ? 'is' : 'will be'} ${trouble}; hooks ${JSON.stringify(hooks)}`,
    )
    const early = isEarly ? await beginTrouble(trouble, this.#server, random) : undefined
    const isTroubled = trouble !== 'fine' || hooks.some(({ action }) => action === 'fail')
    const patienceMs = random.int(300, 1_500)
    let late: Promise<() => Promise<void>> | undefined
    let cancelKill: (() => void) | undefined
    let life: Life
    try {
      life = await this.#start(hooks, isTroubled ? patienceMs : longPatienceMs)
      cancelKill = this.#killLater(life, hooks.length > 0 ? longestLifeMs : random.int(1, 700))
      if (!early) late = this.#troubleLater(trouble)
      await Promise.all([this.#work(life, isTroubled), this.#otherWork(life)])
      await life.ended()
    } finally {
      cancelKill?.()
      await (early ?? (await late))?.()
    }
    this.#pulled.push(...life.pulled)
    this.#story.push(`it ended${life.pulled.map((hook) => `, ${hook}`).join('')}`, life.log)
  }

  /** What nothing speaks of any more lies in lost+found; the rest arrives. */
  async #rescued(): Promise<Verdict> {
    const life = await this.#start([], longPatienceMs)
    if (life.hasEnded) return wrong(`the last process does not start: ${life.log}`)
    await life.call('drain', null)
    const lost = await life.call('lost', null)
    const verdict = judgeRescue(
      this.#programs,
      this.#server,
      await Promise.all(lost.map((path) => readFile(path))),
    )
    await life.close()
    return verdict
  }

  async #lastLife(): Promise<Verdict> {
    this.#story.push(`[request ${this.#server.requests.all.length}] the last process begins`)
    const life = await this.#start([], longPatienceMs)
    if (life.hasEnded) return wrong(`the last process does not start: ${life.log}`)
    this.#story.push('it has begun')
    const view = judgeView(this.#programs, await life.look())
    if (view.complaints.length > 0) return view
    this.#story.push('it shows what it must')
    const pending = await life.call('drain', null)
    const left = pending.map(
      ({ label, state }) => `${label} does not arrive: ${state.state} ${state.detail ?? ''}`,
    )
    const lost = await life.call('lost', null)
    const shown = await life.look()
    const { complaints, lostBytes } = await judge({
      server: this.#server,
      programs: this.#programs,
      shared: this.#shared,
      other: this.#other,
      shown,
      lostAnswers: this.#kills + unanswered(this.#server),
    })
    await life.close()
    const rest = await readdir(join(this.#folder, 'state/staging'))
    const rubbish = rest.map((name) => `${name} is still in the staging folder`)
    // What the disk refuses to read goes there by design.
    const isRefused = this.#pulled.some((hook) => hook.endsWith(' fail'))
    const strayed = isRefused ? [] : lost.map((name) => `${name} lies in lost+found`)
    return { complaints: [...left, ...complaints, ...rubbish, ...strayed], lostBytes }
  }

  async #start(hooks: readonly Hook[], patienceMs: number): Promise<Life> {
    const { url, email, password } = this.#server
    const setup: Setup = {
      url,
      email,
      password,
      stateFolder: join(this.#folder, 'state'),
      hooks,
      quietMs: this.#quietMs(),
      renameDelayMs: this.#random.pick([30, 300, 1_000]),
      inlineLimits: inlineLimits[this.#options.inline],
      settleMs,
      patienceMs,
      ...(this.#options.isMounted && { mountpoint: join(this.#folder, 'mount') }),
    }
    if (this.#isOver) throw new Error('the run is over: nothing more is started')
    const life = new Life(setup, this.#parts.program)
    this.#life = life
    await life.begun
    return life
  }

  #quietMs(): number {
    const picked = this.#random.pick([0, 30, 200])
    return this.#options.damage !== 'none' && this.#kills <= 1 ? sendsNothingMs : picked
  }

  #killLater(life: Life, ms: number): () => void {
    const timer = setTimeout(() => life.kill(), ms)
    return () => clearTimeout(timer)
  }

  async #troubleLater(trouble: Trouble): Promise<() => Promise<void>> {
    await new Promise((resolve) => setTimeout(resolve, this.#random.int(0, 200)))
    return beginTrouble(trouble, this.#server, this.#random)
  }

  /** Refusals are fine only where something goes wrong. */
  async #work(life: Life, isTroubled: boolean): Promise<void> {
    const refused = await Promise.all([
      ...this.#programs.map((program) => program.work(life, 60)),
      this.#shared.work(life, this.#options.damage === 'none' ? this.#random.int(0, 12) : 0),
    ])
    for (const refusal of refused) {
      if (refusal === undefined) continue
      this.#story.push(`refused: ${refusal}`)
      if (!isTroubled) this.#refusals.push(`refused, though nothing is wrong: ${refusal}`)
    }
  }

  async #otherWork(life: Life): Promise<void> {
    while (!life.hasEnded) {
      await this.#other.change()
      await new Promise((resolve) => setTimeout(resolve, this.#random.int(20, 200)))
    }
  }
}

/** A byte in its middle, or in each record, is another one. */
async function damageJournal(folder: string, damage: 'middle' | 'all'): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const bytes = await readFile(path)
    const places = damage === 'middle' ? [Math.floor(bytes.length / 2)] : recordsIn(bytes)
    for (const at of places) bytes.writeUInt8(bytes.readUInt8(at) ^ 0x11, at)
    await writeFile(path, bytes)
  }
}

/** Where they begin: each is a line, and the first line of the file is none. */
function recordsIn(bytes: Buffer): number[] {
  const places: number[] = []
  for (let end = bytes.indexOf(10); end >= 0 && end + 1 < bytes.length; end = bytes.indexOf(10, end + 1))
    places.push(end + 1)
  return places
}

/** How many requests that may have stored something the server has not answered. Of one file a process that dies has one under way. */
function unanswered({ requests }: EmbeddedServer): number {
  const routes = ['PUT /file/content', 'PUT /file/upload', 'POST /file/upload']
  return requests.all.filter((request) => isUnanswered(request) && routes.includes(request.route)).length
}

function isUnanswered({ status, wasCut }: LoggedRequest): boolean {
  return status === undefined || wasCut
}

function wrong(complaint: string): Verdict {
  return { complaints: [complaint], lostBytes: 0 }
}
