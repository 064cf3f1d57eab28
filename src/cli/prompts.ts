/** Questions to a person at a terminal. Answers are never shown again. */
import { CliError, exitCodes } from './exit-codes.ts'

export interface Prompts {
  text(question: string): Promise<string>
  /** The answer is not shown while it is typed. */
  secret(question: string): Promise<string>
}

export const terminalPrompts: Prompts = {
  async text(message) {
    const { text } = await import('@clack/prompts')
    return answered(await text({ message, output: process.stderr, validate: refuseEmpty }))
  },
  async secret(message) {
    const { password } = await import('@clack/prompts')
    return answered(await password({ message, output: process.stderr, validate: refuseEmpty }))
  },
}

function refuseEmpty(value: string | undefined): string | undefined {
  return value ? undefined : 'Something must be typed here.'
}

function answered(answer: string | symbol): string {
  if (typeof answer === 'string') return answer
  throw new CliError('cancelled', exitCodes.interrupted)
}
