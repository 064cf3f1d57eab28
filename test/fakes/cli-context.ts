import { paths } from '../../src/config/paths.ts'
import { StoredAccounts, type AccountBook } from '../../src/cli/accounts.ts'
import type { CliContext } from '../../src/cli/context.ts'
import { AccountStore } from '../../src/auth/account-store.ts'
import type { Account } from '../../src/auth/sign-in.ts'
import { CliError, exitCodes } from '../../src/cli/exit-codes.ts'
import type { Json, MountSpec, RunningMount } from '../../src/mount/spec.ts'

export interface Asked {
  readonly mountpoint: string
  readonly method: string
  readonly params: Json
}

/** A command line without a machine: what is said to it is set up, what it does is recorded. */
export class FakeCli {
  readonly out: string[] = []
  readonly err: string[] = []
  readonly asked: Asked[] = []
  readonly started: MountSpec[] = []
  environment: Record<string, string | undefined> = {}
  input = ''
  accounts: Account[] = []
  running: RunningMount[] = []
  /** Answers by method; a function sees the question and may report progress. */
  answers: Record<string, Json | ((asked: Asked, onProgress?: (event: Json) => void) => Json)> = {}
  home = '/home/ann'
  stale: string[] = []
  isServerTold = true
  /** Changes that a mount has left, by e-mail address. */
  leftChanges: Record<string, number> = {}
  /** What a person types, in order; undefined: nobody is there. */
  typed: string[] | undefined
  readonly questions: string[] = []
  signIn: AccountBook['signIn'] = () => Promise.resolve(ann)

  get context(): CliContext {
    return {
      version: '1.2.3',
      paths: paths({ HOME: this.home }),
      io: {
        out: (line) => void this.out.push(line),
        err: (line) => void this.err.push(line),
        isTerminal: false,
        canAsk: this.typed !== undefined,
        columns: Number.POSITIVE_INFINITY,
        environment: this.environment,
        readInput: () => Promise.resolve(this.input),
        now: () => Date.UTC(2026, 10, 23, 14, 3),
      },
      prompts: {
        text: (question) => this.#ask(question),
        secret: (question) => this.#ask(question),
      },
      accounts: {
        list: () => Promise.resolve(this.accounts),
        find: (selector) => this.#book().find(selector),
        signIn: (url, request) => this.signIn(url, request),
        signOut: (account) => {
          this.accounts = this.accounts.filter(({ userId }) => userId !== account.userId)
          return Promise.resolve(this.isServerTold)
        },
      },
      starter: {
        startInBackground: (spec) => {
          this.started.push(spec)
          return Promise.resolve({ pid: 4711 })
        },
        runForeground: (spec) => {
          this.started.push(spec)
          return Promise.resolve(0)
        },
        cleanStale: (mountpoint) => Promise.resolve(this.stale.includes(mountpoint)),
      },
      leftChanges: async ({ email }) => this.leftChanges[email] ?? 0,
      mounts: {
        list: () => Promise.resolve(this.running),
        at: async (mountpoint) => this.running.find((mount) => mount.mountpoint === mountpoint),
        call: <R>(
          mountpoint: string,
          method: string,
          params: Json = null,
          onProgress?: (event: Json) => void,
        ) => this.#answer<R>({ mountpoint, method, params }, onProgress),
        callAt: async <R>(path: string, method: string, params = {}, onProgress?: (event: Json) => void) =>
          this.#answer<R>({ mountpoint: path, method, params: { ...params, path } }, onProgress),
      },
    }
  }

  /** The real rules of choosing, over the accounts of this test. */
  #book(): StoredAccounts {
    const store = new AccountStore({ folder: '/nowhere', keyring: undefined, onPlainFile: () => undefined })
    store.list = () => Promise.resolve(this.accounts)
    return new StoredAccounts(store)
  }

  #ask(question: string): Promise<string> {
    this.questions.push(question)
    const answer = this.typed?.shift()
    return answer === undefined ? Promise.reject(new Error('nothing was typed')) : Promise.resolve(answer)
  }

  async #answer<R>(asked: Asked, onProgress?: (event: Json) => void): Promise<R> {
    this.asked.push(asked)
    const answer = this.answers[asked.method]
    if (answer === undefined)
      throw new CliError(`the mount on ${asked.mountpoint} is gone`, exitCodes.notMounted)
    return (typeof answer === 'function' ? answer(asked, onProgress) : answer) as R
  }
}

export const ann: Account = {
  url: 'https://cloud.example.com',
  email: 'ann@example.com',
  nickname: 'Ann',
  userId: 'lpua',
}
