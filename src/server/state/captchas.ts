import { randomUUID } from 'node:crypto'
import { captchaPicture } from '../pictures/captcha.ts'
import type { WireCaptcha } from '../../api/types.ts'

const letters = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'

/** Picture captchas; a ticket works once. */
export class Captchas {
  readonly #fixedAnswer: string
  readonly #answers = new Map<string, string>()

  constructor(fixedAnswer: string) {
    this.#fixedAnswer = fixedAnswer
  }

  create(): WireCaptcha {
    const ticket = randomUUID()
    const answer = this.#fixedAnswer || randomAnswer()
    this.#answers.set(ticket, answer)
    return { image: `data:image/png;base64,${captchaPicture(answer).toString('base64')}`, ticket }
  }

  /** Burns the ticket. */
  matches(ticket: unknown, answer: unknown): boolean {
    if (typeof ticket !== 'string' || typeof answer !== 'string') return false
    const right = this.#answers.get(ticket)
    this.#answers.delete(ticket)
    return right !== undefined && right.toLowerCase() === answer.toLowerCase()
  }

  /** The answer of a captcha that was given out: for tests, which cannot read pictures. */
  answerOf(ticket: string): string | undefined {
    return this.#answers.get(ticket)
  }
}

function randomAnswer(): string {
  return Array.from({ length: 6 }, () => letters[Math.floor(Math.random() * letters.length)]).join('')
}
