/** Where things lie on this machine: the XDG base directories, keyed by server and user. */
import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'

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
    // Without a runtime folder of the session (containers, cron) a short path: a socket's holds 107 bytes at most.
    runtimeFolder: environment['XDG_RUNTIME_DIR']
      ? join(environment['XDG_RUNTIME_DIR'], PRODUCT)
      : `/tmp/${PRODUCT}-${process.getuid?.() ?? 0}`,
  }
}

export interface AccountFolders {
  readonly stateFolder: string
  readonly cacheFolder: string
}

/** Folders of one user on one server, wherever and however often it is mounted. */
export function accountFolders(
  { stateFolder, cacheFolder }: Pick<Paths, 'stateFolder' | 'cacheFolder'>,
  origin: string,
  userId: string,
): AccountFolders {
  const server = serverFolderName(origin)
  const user = safeName(userId)
  return { stateFolder: join(stateFolder, server, user), cacheFolder: join(cacheFolder, server, user) }
}

/** Log of the mount at `mountpoint` (absolute), named so that a person finds it: `home-ann-cloud.log`. */
export function logFile({ stateFolder }: Paths, mountpoint: string): string {
  const name = safeName(mountpoint.replace(/^\/+/, '').replaceAll('/', '-')).slice(-200)
  return join(stateFolder, 'logs', `${name || 'root'}.log`)
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
