/** `config.toml`: values for all mounts at the top, and values for one mountpoint in `[mounts."/home/ann/cloud"]`. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { ConfigError } from './config-error.ts'
import type { OptionSource } from './parse.ts'
import type { RawValue } from './option-type.ts'

export interface ConfigFile {
  readonly forAllMounts: OptionSource
  /** What the file says for this mountpoint alone. */
  forMount(mountpoint: string): OptionSource
}

/**
 * Reads the file at `path`; one that does not exist says nothing.
 * @throws {ConfigError} when it is not TOML or holds something that is no value.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    return parseConfigFile(await readFile(path, 'utf8'), path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return parseConfigFile('', path)
    throw error
  }
}

export function parseConfigFile(text: string, path: string): ConfigFile {
  const { mounts = {}, ...common } = parseToml(text, path)
  const byMountpoint = new Map<string, OptionSource>()
  for (const [mountpoint, table] of Object.entries(asTable(mounts, `"mounts" in ${path}`))) {
    const where = `[mounts."${mountpoint}"] of ${path}`
    byMountpoint.set(resolve(mountpoint), tableSource(asTable(table, where), where))
  }
  return {
    forAllMounts: tableSource(common, path),
    forMount: (mountpoint) => byMountpoint.get(resolve(mountpoint)) ?? tableSource({}, path),
  }
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    throw new ConfigError(`${path} is not valid TOML in line ${error.line}: ${firstLine(error.message)}`, {
      cause: error,
    })
  }
}

function tableSource(table: Readonly<Record<string, unknown>>, where: string): OptionSource {
  const values = new Map<string, RawValue>()
  for (const [name, value] of Object.entries(table)) {
    if (!isRawValue(value))
      throw new ConfigError(`"${name}" in ${where} must be text, a number or true or false`)
    values.set(name, value)
  }
  return { label: (name) => `"${name}" in ${where}`, values }
}

function asTable(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)) {
    return value as Record<string, unknown>
  }
  throw new ConfigError(`${where} must be a table`)
}

function isRawValue(value: unknown): value is RawValue {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/^Invalid TOML document: /, '')
}
