import type { Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import type { Json } from './spec.ts'

/** A line longer than this is not from one of us, characters. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024

/** Calls `onMessage` for each line of JSON that arrives; a line that is none ends the connection. */
export function onJsonLines(socket: Socket, onMessage: (message: unknown) => void): void {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  socket.on('data', (chunk: Buffer) => {
    const lines = (pending + decoder.write(chunk)).split('\n')
    pending = lines.pop() ?? ''
    if (pending.length > MAX_LINE_LENGTH)
      return socket.destroy(new Error('a line of this length is not expected'))
    for (const line of lines) {
      const message = parse(line)
      if (message === undefined) return socket.destroy(new Error('a line that is not JSON is not expected'))
      onMessage(message)
    }
    return undefined
  })
}

/** Does nothing once the other side is gone. */
export function writeJsonLine(socket: Socket, message: Json): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
