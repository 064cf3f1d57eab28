import { Client } from './client.ts'
import { Ledger } from './ledger.ts'
import { firstFiles, isFate, type ClientName, type Operation } from './operations.ts'
import { Programs } from './programs.ts'

interface Side {
  readonly client: Client
  readonly programs: Programs
}

/** Two clients of one drive, and what they were told. */
export class TwoClientsRun {
  readonly #ledger = new Ledger()
  #deletesForGood = false
  readonly #sides: Readonly<Record<ClientName, Side>>

  private constructor(clients: Readonly<Record<ClientName, Client>>) {
    const side = (client: Client): Side => ({ client, programs: new Programs(client, this.#ledger) })
    this.#sides = { one: side(clients.one), two: side(clients.two) }
  }

  static async open({ deletesForGood = false } = {}): Promise<TwoClientsRun> {
    const one = await Client.open('one', deletesForGood)
    const run = new TwoClientsRun({ one, two: await Client.open('two', deletesForGood, one) })
    run.#deletesForGood = deletesForGood
    for (const path of firstFiles) {
      const content = run.#ledger.word('one')
      one.drive.remote.putAsOther(path, content)
      run.#ledger.wrote(content, `${path} at the beginning`)
    }
    await one.drive.outdate()
    return run
  }

  /** Sentences about what is wrong in the end. */
  async run(operations: readonly Operation[]): Promise<readonly string[]> {
    for (const operation of operations) await this.#step(operation)
    for (const { programs } of this.#both) await programs.closeAll()
    // All of them at first: one that is away may have left a lock in the way of the other.
    for (const { client } of this.#both) client.comesBack()
    for (const { client } of this.#both) {
      await client.arrives()
      if (client.hasLostBase) this.#ledger.basesLost(client.name)
    }
    for (const { client } of this.#both) await client.drive.outdate()
    const server = this.#atServer()
    // Only what cannot be put back stays there, for a person to decide.
    const trash = new Set(this.#deletesForGood ? this.#sides.one.client.drive.remote.textsInTrash() : [])
    const complaints = this.#ledger.judge(filesOf(server), trash)
    for (const { client } of this.#both) complaints.push(...differences(client, server, await client.view()))
    if (complaints.length === 0) complaints.push(...(await this.#disagreements(server)))
    for (const { client } of this.#both) client.drive.drive.checkInvariants()
    return complaints
  }

  async #disagreements(server: ReadonlyMap<string, string>): Promise<string[]> {
    const complaints: string[] = []
    const { one, two } = this.#sides
    for (const path of server.keys()) {
      const [shown, other] = [await one.client.attributes(path), await two.client.attributes(path)]
      if (shown !== other) complaints.push(`${path}: client one shows ${shown}, client two ${other}`)
    }
    return complaints
  }

  async stop(): Promise<void> {
    for (const { client } of this.#both) await client.stop()
  }

  get #both(): readonly Side[] {
    return [this.#sides.one, this.#sides.two]
  }

  #step(operation: Operation): Promise<void> {
    const { client, programs } = this.#sides[operation.client]
    if (operation.do === 'wait') return client.drive.clock.advance(operation.ms)
    if (operation.do === 'crash') programs.forget()
    return isFate(operation) ? client.meets(operation) : programs.run(operation)
  }

  #atServer(): Map<string, string> {
    const { remote } = this.#sides.one.client.drive
    return new Map(remote.paths().map((path) => [path, remote.textAt(path) ?? '']))
  }
}

function filesOf(server: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...server].filter(([path]) => !path.endsWith('/')))
}

function differences(
  { name }: Client,
  server: ReadonlyMap<string, string>,
  view: ReadonlyMap<string, string>,
): string[] {
  const missing = [...server.keys()].filter((path) => !view.has(path))
  const surplus = [...view.keys()].filter((path) => !server.has(path))
  const other = [...server].filter(([path, text]) => view.has(path) && view.get(path) !== text)
  return [
    ...missing.map((path) => `client ${name} does not show ${path}`),
    ...surplus.map((path) => `client ${name} shows ${path}, which the server does not have`),
    ...other.map(([path, text]) => `client ${name} shows "${view.get(path)}" in ${path}, and not "${text}"`),
  ]
}
