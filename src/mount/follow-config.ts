/** What a running mount takes over from the configuration file when that is changed. */
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { ConfigError } from '../config/config-error.ts'
import { readConfigFile } from '../config/config-file.ts'
import { resolveOptions } from '../config/parse.ts'
import { watchConfigFile } from '../config/watch-config.ts'
import type { MountSpec } from './spec.ts'
import type { AskedLimits } from './transfer-limits.ts'

export interface FollowParts {
  readonly clock: Clock
  readonly log: Log
  /** The limits as the file, and what goes before it, say now. */
  readonly onLimits: (limits: AskedLimits) => void
}

/** Until the returned function is called. What the file says wrongly is told in the log, and changes nothing. */
export async function followConfig(spec: MountSpec, parts: FollowParts): Promise<() => void> {
  const { clock, log, onLimits } = parts
  const { config } = spec
  if (!config) return () => undefined
  let isOver = false
  const takeOver = async () => {
    try {
      const limits = await limitsFrom(spec, config)
      if (!isOver) onLimits(limits)
    } catch (error) {
      log.warn(`the limits stay as they are: ${sentenceOf(error, config.file)}`)
    }
  }
  const close = await watchConfigFile(config.file, {
    clock,
    onChange: () => void takeOver(),
    onLost: (sentence) => log.warn(sentence),
  })
  return () => {
    isOver = true
    close()
  }
}

async function limitsFrom(
  { options }: MountSpec,
  { file, mountpoint, decided }: NonNullable<MountSpec['config']>,
): Promise<AskedLimits> {
  const values = new Map(decided.map((name) => [name, options[name]!]))
  const config = await readConfigFile(file)
  return resolveOptions([
    { label: (name) => `the option ${name}`, values },
    config.forMount(mountpoint),
    config.forAllMounts,
  ])
}

function sentenceOf(error: unknown, file: string): string {
  if (error instanceof ConfigError) return error.message
  const { code, message } = error as NodeJS.ErrnoException
  return `${file} cannot be read (${code ?? message})`
}
