/** The command without a name: `cloudreve-mount <mountpoint>`. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { isDeadMountCode } from '../../base/dead-mount.ts'
import { readConfigFile } from '../../config/config-file.ts'
import { defaultInWords } from '../../config/document.ts'
import { nearestName } from '../../config/nearest-name.ts'
import type { RawValue } from '../../config/option-type.ts'
import { optionList, type MountOptions } from '../../config/options.ts'
import {
  environmentSource,
  flagSource,
  parseOptionList,
  resolveOptions,
  writtenOptions,
  type OptionSource,
} from '../../config/parse.ts'
import { logFile } from '../../config/paths.ts'
import { setAsideLog } from '../../mount/set-aside-log.ts'
import type { ConfigSource, MountSpec } from '../../mount/spec.ts'
import { parseMountpoint } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { mountRoot } from '../mount-root.ts'
import { withSharePassword } from '../share-password.ts'

/** Option values as commander collects them: by camel-case name, beside the flags below. */
export interface MountFlags {
  readonly foreground?: true
  readonly option?: readonly string[]
  readonly verbose?: true
  readonly [optionName: string]: unknown
}

export function addMount(program: Command, context: CliContext): void {
  program
    .argument('[mountpoint]', 'an existing, empty folder', parseMountpoint)
    .option('-f, --foreground', 'stay in the foreground and log to the terminal')
    .option('-o, --option <name=value,...>', 'the options below as for mount(8): ro,quiet-time=2s', collect)
    .option('--verbose', 'log more, and show where an error came from')
    .optionsGroup('Mount options (docs/CONFIGURATION.md says more):')
  for (const [, option] of optionList) {
    const { name, type, doc } = option
    const value = type.placeholder === undefined ? '' : ` <${type.placeholder}>`
    const fallback = ` (default: ${type.placeholder === undefined ? 'off' : defaultInWords(option)})`
    program.addOption(new Option(`--${name}${value}`, doc + fallback))
    if (type.placeholder === undefined) program.addOption(new Option(`--no-${name}`).hideHelp())
  }
  program.action(async (mountpoint: string | undefined, flags: MountFlags) => {
    if (mountpoint === undefined) program.help({ error: true })
    process.exitCode = await mount(context, mountpoint, flags)
  })
}

/** @returns the exit code */
export async function mount(context: CliContext, mountpoint: string, flags: MountFlags): Promise<number> {
  const folder = resolve(mountpoint)
  const options = await mountOptionsFrom(context, folder, flags)
  const decided = sourcesBeforeFile(context, flags).flatMap(({ values }) => [...values.keys()])
  const config = { file: context.paths.configFile, mountpoint: folder, decided }
  const spec = await mountSpec(context, options, { config, verbose: flags.verbose === true })
  await requireFolder(folder, mountpoint)
  if (flags.foreground)
    return withSharePassword(context, spec, (asked) => context.starter.runForeground(asked))
  setAsideLog(spec.logFile)
  await withSharePassword(context, spec, (asked) => context.starter.startInBackground(asked))
  return exitCodes.ok
}

/** Everything that was said about this mount, in the order of precedence. */
export async function mountOptionsFrom(
  context: CliContext,
  mountpoint: string,
  flags: MountFlags,
): Promise<MountOptions> {
  const file = await readConfigFile(context.paths.configFile)
  return resolveOptions([...sourcesBeforeFile(context, flags), file.forMount(mountpoint), file.forAllMounts])
}

/** What goes before the configuration file, in the order of precedence. */
function sourcesBeforeFile({ io }: CliContext, flags: MountFlags): readonly OptionSource[] {
  return [
    flagSource(flagValues(flags)),
    parseOptionList(flags.option ?? []),
    environmentSource(io.environment),
  ]
}

async function mountSpec(
  context: CliContext,
  options: MountOptions,
  { config, verbose }: { readonly config: ConfigSource; readonly verbose: boolean },
): Promise<MountSpec> {
  const { mountpoint } = config
  const { paths } = context
  return {
    mountpoint,
    ...(await mountRoot(context, options)),
    options: writtenOptions(options),
    config,
    stateFolder: paths.stateFolder,
    cacheFolder: paths.cacheFolder,
    runtimeFolder: paths.runtimeFolder,
    logFile: logFile(paths, mountpoint),
    verbose,
  }
}

function flagValues(flags: MountFlags): Record<string, RawValue | undefined> {
  return Object.fromEntries(
    optionList.map(([, { name }]) => {
      const key = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
      return [name, flags[key] as RawValue | undefined]
    }),
  )
}

const commandNames = [
  'login',
  'logout',
  'accounts',
  'status',
  'umount',
  'doctor',
  'info',
  'activities',
  'pending',
  'server',
  'demo',
  'help',
]

/** A dead mount answers ENOTCONN here: the serving process cleans it up, so that is no obstacle. */
async function requireFolder(folder: string, typed: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) return
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (isDeadMountCode(code)) return
    if (code === 'ENOTDIR')
      throw new CliError(`${folder} cannot be a folder: a part of its path is a file`, 1, { cause: error })
    if (code === 'EACCES')
      throw new CliError(`${folder} may not be reached by this user`, 1, { cause: error })
    if (code !== 'ENOENT')
      throw new CliError(`${folder} cannot be used: ${code ?? String(error)}`, 1, { cause: error })
    const command = typed.includes('/') ? undefined : nearestName(typed, commandNames)
    const hint = command
      ? `did you mean \`cloudreve-mount ${command}\`?`
      : `create it with \`mkdir -p ${folder}\``
    throw new CliError(
      `there is no folder ${folder}: ${hint}`,
      command ? exitCodes.usage : exitCodes.failed,
      {
        cause: error,
      },
    )
  }
  throw new CliError(`${folder} is not a folder`)
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}
