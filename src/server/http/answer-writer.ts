import type { IncomingMessage, ServerResponse } from 'node:http'
import { assertNever } from '../../base/assert.ts'
import type { Fault, Faults } from '../faults.ts'
import type { LoggedRequest } from '../request-log.ts'
import { encodeJson, writeJson, type Answer } from './answer.ts'
import type { Pacer } from './pacer.ts'

/** One exchange on its way. */
export interface Exchange {
  raw: IncomingMessage
  response: ServerResponse
  entry: LoggedRequest
  fault: Fault | undefined
  /** The connection was or will be closed by us: no cut by the client. */
  isCutByUs: boolean
  isEventStream: boolean
}

/** Puts answers on the wire, at the pace of the line, with the faults that happen there. */
export class AnswerWriter {
  readonly #line: Pacer
  readonly #faults: Faults

  constructor(line: Pacer, faults: Faults) {
    this.#line = line
    this.#faults = faults
  }

  async write(exchange: Exchange, answer: Answer): Promise<void> {
    const { response, entry } = exchange
    if (response.destroyed) return
    switch (answer.kind) {
      case 'json': {
        const body = encodeJson(answer.body)
        entry.code = answer.code
        entry.status = answer.status ?? 200
        entry.bytesOut = body.length
        writeJson(response, entry.status, body)
        return
      }
      case 'text':
        entry.status = answer.status
        entry.bytesOut = Buffer.byteLength(answer.text)
        response.writeHead(answer.status, { ...answer.headers, 'content-length': entry.bytesOut })
        response.end(answer.text)
        return
      case 'redirect':
        entry.status = 302
        response.writeHead(302, { location: answer.location, 'content-length': 0 })
        response.end()
        return
      case 'stream':
        entry.status = answer.status
        await this.#writeStream(exchange, answer)
        return
      case 'taken':
        return
      default:
        assertNever(answer)
    }
  }

  async #writeStream(exchange: Exchange, answer: Extract<Answer, { kind: 'stream' }>): Promise<void> {
    const { response, entry, fault } = exchange
    response.writeHead(answer.status, answer.headers)
    response.flushHeaders()
    for await (const piece of answer.body) {
      let rest = piece
      if (fault?.kind === 'cutAfterBytes' && entry.bytesOut + piece.length >= fault.bytes) {
        await this.#send(exchange, piece.subarray(0, fault.bytes - entry.bytesOut))
        exchange.isCutByUs = true
        // Not `destroy`: the bytes before the cut must arrive.
        exchange.raw.socket.destroySoon()
        return
      }
      if (fault?.kind === 'stallAfterBytes' && entry.bytesOut <= fault.bytes) {
        const first = piece.subarray(0, fault.bytes - entry.bytesOut)
        rest = piece.subarray(first.length)
        await this.#send(exchange, first)
        if (rest.length > 0) await this.#faults.stall()
      }
      if (response.destroyed) return
      await this.#send(exchange, rest)
    }
    response.end()
  }

  async #send({ response, entry }: Exchange, bytes: Buffer): Promise<void> {
    if (bytes.length === 0 || response.destroyed) return
    await this.#line.pass(bytes.length)
    entry.bytesOut += bytes.length
    if (response.write(bytes)) return
    await new Promise<void>((resolve) => {
      const goOn = () => {
        response.off('drain', goOn)
        response.off('close', goOn)
        resolve()
      }
      response.on('drain', goOn)
      response.on('close', goOn)
    })
  }

  /** Closes the connection at once; that is no cut by the client. */
  cut(exchange: Exchange): void {
    exchange.isCutByUs = true
    exchange.raw.socket.destroy()
  }
}
