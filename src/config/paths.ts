/** Where things lie on this machine: the XDG base directories, keyed by server and user. */
import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { createHash } from 'node:crypto'

const PRODUCT = 'cloudreve-mount'

export interface Paths {
  /** Written by people: `config.toml`. */
  readonly configFolder: string
  readonly configFile: string
  /** Precious: what is not on the server yet. */
  readonly stateFolder: string
  /** Disposable. */
  readonly cacheFolder: string
  /** Sockets of running mounts; gone at log-out. */
  readonly runtimeFolder: string
}

/** Only absolute values count, as the XDG specification asks; others are as good as unset. */
export function paths(environment: Readonly<Record<string, string | undefined>> = process.env): Paths {
  const home = environment['HOME'] || homedir()
  const xdg = (name: string, fallback: string) => {
    const value = environment[name]
    return join(value && isAbsolute(value) ? value : fallback, PRODUCT)
  }
  const configFolder = xdg('XDG_CONFIG_HOME', join(home, '.config'))
  const stateFolder = xdg('XDG_STATE_HOME', join(home, '.local/state'))
  return {
    configFolder,
    configFile: join(configFolder, 'config.toml'),
    stateFolder,
    cacheFolder: xdg('XDG_CACHE_HOME', join(home, '.cache')),
    // Without a runtime folder of the session (containers, cron) the state folder is the private place there is.
    runtimeFolder: environment['XDG_RUNTIME_DIR']
      ? xdg('XDG_RUNTIME_DIR', stateFolder)
      : join(stateFolder, 'run'),
  }
}

export interface AccountFolders {
  readonly stateFolder: string
  readonly cacheFolder: string
}

/** Folders of one user on one server, wherever and however often it is mounted. */
export function accountFolders(
  { stateFolder, cacheFolder }: Paths,
  origin: string,
  userId: string,
): AccountFolders {
  const server = serverFolderName(origin)
  const user = safeName(userId)
  return { stateFolder: join(stateFolder, server, user), cacheFolder: join(cacheFolder, server, user) }
}

/** Control socket of the mount at `mountpoint` (absolute). Short, as a socket's path holds 107 bytes at most. */
export function controlSocket({ runtimeFolder }: Paths, mountpoint: string): string {
  const digest = createHash('sha256').update(mountpoint).digest('hex').slice(0, 16)
  return join(runtimeFolder, `${digest}.sock`)
}

/** `cloud.example.com`, `cloud.example.com_8443`, `http_127.0.0.1_5212_sub`: one name an origin and path. */
export function serverFolderName(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  const scheme = protocol === 'https:' ? '' : `${protocol.slice(0, -1)}_`
  return safeName(`${scheme}${host}${pathname.replace(/\/+$/, '')}`)
}

/** `~` and `~/x` as a shell would read them, for values that no shell saw. */
export function expandHome(path: string): string {
  if (path !== '~' && !path.startsWith('~/')) return path
  return join(process.env['HOME'] || userInfo().homedir, path.slice(1))
}

function safeName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9.-]/g, '_').replace(/^\.+/, '_')
}
