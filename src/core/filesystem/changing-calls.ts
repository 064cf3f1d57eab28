import { waitAtMost, type Clock } from '../../base/clock.ts'
import { isRemoteError, type RemoteError } from '../../remote/errors.ts'
import type { Remote } from '../../remote/remote.ts'
import type { RemotePath } from '../../remote/types.ts'
import { NotAskedError } from '../patience.ts'
import { mayHaveBeenDone, type Outage, type Pass } from '../write/index.ts'
import type { AskedRecord } from './asked-record.ts'
import { keyOf } from './remote-paths.ts'

/** Requests that change names, folders or attributes. */
export type ChangingCall = 'rename' | 'move' | 'remove' | 'createFolder' | 'createFile' | 'patchMetadata'
export type ChangingCalls = Pick<Remote, ChangingCall>

/** So many at a time: a server that fails is known before many have asked it. */
const callsAtATime = 6
/** One without an answer for so long keeps no other waiting, ms. */
const hangsAfterMs = 5_000

export interface ChangingCallsParts {
  readonly remote: ChangingCalls
  readonly clock: Clock
  readonly outage: Outage
  readonly asked: Pick<AskedRecord, 'settled' | 'isSettling'>
}

/**
 * A server that takes nothing is asked by one at a time, uploads included (`Outage`). The others fail here at once and cost it
 * nothing; they never wait, so that nothing can wait for them in a circle. Who sends something by itself tries again when there
 * is hope (`SendingTimes`). Only what an earlier process has asked for is waited for, which takes its time and nothing else.
 */
export function changingCalls({ remote, ...parts }: ChangingCallsParts): ChangingCalls {
  const gate = new Gate(parts)
  return {
    rename: (path, ...rest) => gate.run(subjectOf([path]), () => remote.rename(path, ...rest)),
    move: (paths, ...rest) => gate.run(subjectOf(paths), () => remote.move(paths, ...rest)),
    remove: (paths, ...rest) => gate.run(subjectOf(paths), () => remote.remove(paths, ...rest)),
    createFolder: (path, ...rest) => gate.run(subjectOf([path]), () => remote.createFolder(path, ...rest)),
    createFile: (path, ...rest) => gate.run(subjectOf([path]), () => remote.createFile(path, ...rest)),
    patchMetadata: (paths, ...rest) => gate.run(subjectOf(paths), () => remote.patchMetadata(paths, ...rest)),
  }
}

class Gate {
  readonly #clock: Clock
  readonly #outage: Outage
  readonly #asked: ChangingCallsParts['asked']
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor({ clock, outage, asked }: Omit<ChangingCallsParts, 'remote'>) {
    this.#clock = clock
    this.#outage = outage
    this.#asked = asked
  }

  async run<T>(subject: string, call: () => Promise<T>): Promise<T> {
    if (this.#asked.isSettling) await this.#asked.settled
    await this.#enter()
    const answer = this.#ask(subject, call)
    const leave = () => this.#leave()
    waitAtMost(answer, { clock: this.#clock, deadlineMs: hangsAfterMs }).then(leave, leave)
    return answer
  }

  async #ask<T>(subject: string, call: () => Promise<T>): Promise<T> {
    const pass = this.#outage.enterNow(subject)
    if (!pass) throw this.#notAsked(subject)
    return told(pass, call)
  }

  /** When there is a place. */
  async #enter(): Promise<void> {
    if (this.#running < callsAtATime) this.#running += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running -= 1
  }

  #notAsked(subject: string): RemoteError {
    const { isAway, detail } = this.#outage
    return new NotAskedError(isAway ? 'offline' : 'server', detail ?? `${subject}: it is sent later`)
  }
}

async function told<T>(pass: Pass, call: () => Promise<T>): Promise<T> {
  try {
    const answer = await call()
    pass.done()
    return answer
  } catch (error) {
    if (!isRemoteError(error)) pass.undecided()
    else if (!pass.failed(error)) {
      if (mayHaveBeenDone(error)) pass.undecided()
      else pass.refused()
    }
    throw error
  }
}

function subjectOf(paths: readonly RemotePath[]): string {
  return `/${keyOf(paths[0] ?? [])}`
}
