import type { Journal, JournalValue } from '../journal/index.ts'
import type { EndingLedger, EndingSession } from '../write/index.ts'

/** Before the key of an upload session that is to be ended. */
export const endingKey = 'ending:'

/** Upload sessions that are to be ended, in the journal: each locks its file and all folders above at the server until it is. */
export class EndingRecords implements EndingLedger {
  readonly found: ReadonlyMap<string, EndingSession>
  readonly #journal: Pick<Journal, 'put' | 'delete' | 'sync'>

  constructor(journal: Pick<Journal, 'put' | 'delete' | 'sync'>, found: ReadonlyMap<string, EndingSession>) {
    this.#journal = journal
    this.found = found
  }

  async put(key: string, ending: EndingSession): Promise<void> {
    await this.#journal.put(`${endingKey}${key}`, ending as unknown as JournalValue)
    await this.#journal.sync()
  }

  delete(key: string): Promise<void> {
    return this.#journal.delete(`${endingKey}${key}`)
  }
}
