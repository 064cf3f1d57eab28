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
  readonly #sides: Readonly<Record<ClientName, Side>>

  private constructor(clients: Readonly<Record<ClientName, Client>>) {
    const side = (client: Client): Side => ({ client, programs: new Programs(client, this.#ledger) })
    this.#sides = { one: side(clients.one), two: side(clients.two) }
  }

  static async open(): Promise<TwoClientsRun> {
    const one = await Client.open('one')
    const run = new TwoClientsRun({ one, two: await Client.open('two', one) })
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
    for (const { client } of this.#both) await client.arrives()
    for (const { client } of this.#both) await client.drive.outdate()
    const server = this.#atServer()
    const complaints = this.#ledger.judge(filesOf(server))
    for (const { client } of this.#both) complaints.push(...differences(client, server, await client.view()))
    for (const { client } of this.#both) client.drive.drive.checkInvariants()
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
