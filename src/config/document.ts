/** docs/CONFIGURATION.md, made from the option table; a test compares the file with it. */
import { environmentName, optionList, type OptionDefinition } from './options.ts'

export function configurationDocument(): string {
  return `${head}\n${optionList.map(([, option]) => section(option)).join('\n')}`
}

/** The default as a person would write it. */
export function defaultInWords({ type, default: value, defaultText }: OptionDefinition<unknown>): string {
  return value === undefined ? (defaultText ?? 'none') : type.format(value)
}

function section(option: OptionDefinition<unknown>): string {
  const { name, type, doc, details, stability } = option
  const value = type.placeholder === undefined ? '' : ` <${type.placeholder}>`
  return [
    `### ${name}`,
    '',
    `${doc[0]!.toUpperCase()}${doc.slice(1)}.${details ? ` ${details}` : ''}`,
    '',
    '| flag | environment | value | default |',
    '| --- | --- | --- | --- |',
    `| \`--${name}${value.replaceAll('|', '\\|')}\` | \`${environmentName(name)}\` | ${type.expects} | ${defaultInWords(option)} |`,
    ...(stability === 'experimental' ? ['', 'Experimental: may change or go in any release.'] : []),
    '',
  ].join('\n')
}

const head = `# Configuration

<!-- Generated from src/config/options.ts by \`npm run docs\`: edit the table there, not this file. -->

Every option of a mount can be given in four places. The first that names it decides:

1. a flag: \`cloudreve-mount --quiet-time 2s ~/cloud\`, or \`-o\`: \`cloudreve-mount -o quiet-time=2s,read-only ~/cloud\`
   (a flag wins over \`-o\`; a comma in a value is written \`\\,\`);
2. the environment: \`CLOUDREVE_MOUNT_QUIET_TIME=2s\`;
3. the file \`$XDG_CONFIG_HOME/cloudreve-mount/config.toml\` (\`~/.config/cloudreve-mount/config.toml\`);
4. the default.

A switch that the environment or the file turns on is turned off by \`--no-read-only\` or \`-o read-only=false\`.
A name that does not exist and a value that cannot be understood are refused, with the place where they stand.

\`\`\`toml
# ~/.config/cloudreve-mount/config.toml
quiet-time = "2s"          # for all mounts

[mounts."/home/ann/cloud"] # for this mountpoint
read-only = true
\`\`\`

## Files

| what | where |
| --- | --- |
| configuration | \`$XDG_CONFIG_HOME/cloudreve-mount/\` (\`~/.config\`) |
| what is not on the server yet, logs | \`$XDG_STATE_HOME/cloudreve-mount/\` (\`~/.local/state\`) |
| what can be fetched again | \`$XDG_CACHE_HOME/cloudreve-mount/\` (\`~/.cache\`) |
| sockets of running mounts | \`$XDG_RUNTIME_DIR/cloudreve-mount/\`, or \`/tmp/cloudreve-mount-<uid>/\` |

## An account from the environment

With \`CLOUDREVE_URL\`, \`CLOUDREVE_EMAIL\` and \`CLOUDREVE_PASSWORD\` set, commands use that account without a \`login\` and
keep nothing of it on disk.

## Options
`
