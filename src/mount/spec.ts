/**
 * What somebody who wants a mount says, as plain JSON: it travels over IPC, or the control socket, to the process that serves the
 * mount. Secrets come from the token store or from the environment, in the serving process itself; the password of a share alone is
 * in it, as a person may have typed it. It is never written down.
 */
export interface MountSpec {
  /** Absolute path of an existing, empty folder. */
  readonly mountpoint: string
  /** Key of the account in the token store; null: the account of `CLOUDREVE_URL`, `CLOUDREVE_EMAIL`, `CLOUDREVE_PASSWORD`. */
  readonly accountKey: string | null
  /** What the folder shows: `cloudreve://my`, `cloudreve://ID@share`, or a folder in it. Without a password. */
  readonly rootUri: string
  /** Of a share: how it is come by. */
  readonly share?: ShareAccess
  readonly readOnly: boolean
  /** The `-o` options, by their names in the option table. */
  readonly options: Readonly<Record<string, string | number | boolean>>
  /** Where changes come from while it runs; null: from nowhere. */
  readonly config: ConfigSource | null
  /** Absolute paths; created with 0700 when missing. */
  readonly stateFolder: string
  readonly cacheFolder: string
  /** Holds the control sockets. */
  readonly runtimeFolder: string
  /** Log of a mount in the background; appended to. */
  readonly logFile: string
  readonly verbose: boolean
}

export interface ShareAccess {
  /** Origin of a server where nobody of this machine is signed in: the mount is an anonymous visitor's. */
  readonly visitorOf?: string
  /** Secret: only this user can read the sockets that it goes over. */
  readonly password?: string
}

export interface ConfigSource {
  /** Absolute path of `config.toml`, which need not exist. */
  readonly file: string
  /** As the file names it: where the mountpoint has been resolved, this has not. */
  readonly mountpoint: string
  /** Names of options that flags, `-o` or the environment decided: the file has no say in them. */
  readonly decided: readonly string[]
}

/** `draining`: not mounted any more, still sending what was written. */
export type MountState = 'starting' | 'mounted' | 'draining'

/** One mount that a process serves (or just served). */
export interface RunningMount {
  /** The same for all mounts of an account. */
  readonly pid: number
  readonly mountpoint: string
  /** For people: `anna@example.com at cloud.example.com`. */
  readonly account: string
  readonly state: MountState
  /** Of the process's control socket. */
  readonly socketPath: string
  /** Epoch ms. */
  readonly startedAt: number
}

/** A process that serves the mounts of one account, as others find it. */
export interface ServingProcess extends Pick<RunningMount, 'pid' | 'account' | 'socketPath'> {
  readonly mounts: readonly Pick<RunningMount, 'mountpoint' | 'state' | 'startedAt'>[]
}

/** Parameters, results and progress are JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * What the serving process can be asked over its socket: `mount` itself, and of each of its mounts `info`, `status`, `unmount`,
 * `ended`. The composer adds the others (`flush`, `activities`, ...). `signal` is aborted when the asker goes away.
 */
export interface ControlCall {
  readonly params: Json
  readonly signal: AbortSignal
  /** Sends something on the way to the result. */
  readonly progress: (event: Json) => void
}

export type ControlMethod = (call: ControlCall) => Promise<Json>
export type ControlMethods = Readonly<Record<string, ControlMethod>>

export interface ControlClient {
  /** @throws {MountError} with the sentence of the serving process, or when it is gone. */
  call(method: string, params?: Json, onProgress?: (event: Json) => void): Promise<Json>
  close(): void
}

/**
 * What kind of remedy a failure has:
 * - `signIn`: a sign-in is needed, or was refused
 * - `unreachable`: the server cannot be reached
 * - `usage`: something in the environment cannot be understood
 * - `sharePassword`: the share has a password, which was not said or is another one
 * - `ending`: the process that was asked is about to end: ask again who serves the account
 * - `other`: what the sentence says
 */
export type MountFailure = 'signIn' | 'unreachable' | 'usage' | 'sharePassword' | 'ending' | 'other'

/** A mount that cannot be had, or a question that cannot be answered: a sentence for a person. */
export class MountError extends Error {
  override readonly name = 'MountError'
  readonly kind: MountFailure

  constructor(message: string, { kind = 'other', ...options }: ErrorOptions & { kind?: MountFailure } = {}) {
    super(message, options)
    this.kind = kind
  }
}

/** How a serving process ends. */
export const exitCodes = {
  ok: 0,
  /** The mount could not be made; the sentence was printed or sent to the starter. */
  mountFailed: 1,
  /** The mount is gone, and not everything that was written is on the server. */
  notDrained: 3,
} as const

// Who uses this folder calls:
//   start-in-background.ts  startInBackground(spec): Promise<{ mountpoint, pid }>       rejects with MountError
//   run-mount.ts            runMount(spec): Promise<number>                             an exit code
//   registry.ts             listRunning(runtimeFolder?): Promise<RunningMount[]>
//   control-client.ts       controlClient(mountpointOrPathInIt, runtimeFolder?): Promise<ControlClient>
