/** What a command sees of the terminal and the process: passed in, so that tests run commands as functions. */
export interface Io {
  /** Results. A line break is added. */
  out(line: string): void
  /** Progress, hints and errors. A line break is added. */
  err(line: string): void
  /** Results go to a terminal: tables may be cut to its width. */
  readonly isTerminal: boolean
  /** Somebody can be asked. */
  readonly canAsk: boolean
  /** Width of the terminal in characters; Infinity where there is none. */
  readonly columns: number
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Everything on stdin until its end, as text. */
  readInput(): Promise<string>
  /** Epoch ms. */
  now(): number
}

export const processIo: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  get isTerminal() {
    return process.stdout.isTTY
  },
  get canAsk() {
    return process.stdin.isTTY && process.stderr.isTTY
  },
  get columns() {
    return process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  },
  environment: process.env,
  async readInput() {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('utf8')
  },
  now: () => Date.now(),
}

/**
 * Output whose reader has gone (`… | head`, a closed terminal) is dropped: the command does its work to the end, such as
 * unmounting. Any other trouble with `stream` is thrown.
 */
export function outliveReader(stream: NodeJS.EventEmitter): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}
