/** The whole command line, as a value: nothing runs until it is parsed. */
import { Command } from 'commander'
import { addAccounts } from './commands/accounts.ts'
import { addActivities } from './commands/activities.ts'
import { addCache } from './commands/cache.ts'
import { addDemo } from './commands/demo.ts'
import { addDoctor } from './commands/doctor.ts'
import { addFlush } from './commands/flush.ts'
import { addInfo } from './commands/info.ts'
import { addLogin } from './commands/login.ts'
import { addLogout } from './commands/logout.ts'
import { addMount } from './commands/mount.ts'
import { addPending } from './commands/pending.ts'
import { addServer } from './commands/server.ts'
import { addStatus } from './commands/status.ts'
import { addUmount } from './commands/umount.ts'
import { addPin, addUnpin } from './commands/pin.ts'
import { addWarm } from './commands/warm.ts'
import type { CliContext } from './context.ts'
import { exitCodeLines } from './exit-codes.ts'

export function buildProgram(context: CliContext): Command {
  const program = new Command('cloudreve-mount')
    .description('Mount a Cloudreve drive as a folder.')
    .version(context.version, '-V, --version', 'print the version')
    .usage('[options] <mountpoint>\n       cloudreve-mount [options] <command>')
    .helpOption('-h, --help', 'print this; after a command, what that command takes')
    .enablePositionalOptions()
    .showHelpAfterError('(--help shows what is possible)')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => context.io.out(text.trimEnd()),
      writeErr: (text) => context.io.err(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error:/, 'cloudreve-mount:')),
    })
    .exitOverride()
  addMount(program, context)
  program.commandsGroup('Accounts:')
  addLogin(program, context)
  addLogout(program, context)
  addAccounts(program, context)
  program.commandsGroup('Mounts:')
  addStatus(program, context)
  addFlush(program, context)
  addCache(program, context)
  addUmount(program, context)
  addDoctor(program, context)
  program.commandsGroup('Files:')
  addInfo(program, context)
  addActivities(program, context)
  addPending(program, context)
  addWarm(program, context)
  addPin(program, context)
  addUnpin(program, context)
  program.commandsGroup('Trying it out:')
  addDemo(program, context)
  addServer(program, context)
  program.addHelpText('after', `\n${values}\n\n${examples}\n\nExit codes:\n${exitCodeLines().join('\n')}`)
  const commands = program.commands.flatMap((command) => [command, ...command.commands])
  for (const command of commands) command.option('--verbose', 'show where an error came from')
  return program
}

const values = `A duration is a number with a unit: 500ms, 2s, 5m, 1h. A size too: 64MiB, 1GiB. Options can also stand in
~/.config/cloudreve-mount/config.toml and in the environment (--quiet-time as CLOUDREVE_MOUNT_QUIET_TIME).`

const examples = `Examples:
  cloudreve-mount login https://cloud.example.com     sign in, once
  mkdir -p ~/cloud && cloudreve-mount ~/cloud         mount, in the background
  cloudreve-mount -o ro --root cloudreve://my/Photos ~/photos
  cloudreve-mount status                              what is mounted, what is being uploaded
  cloudreve-mount activities ~/cloud/report.odt       who did what to a file
  cloudreve-mount umount ~/cloud                      wait for uploads, then unmount
  cloudreve-mount doctor                              what is wrong, and what helps
  cloudreve-mount demo                                try it all without a server`
