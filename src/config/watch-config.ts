/** Notices changes of the configuration file while something runs that depends on it. */
import { watch, type FSWatcher } from 'node:fs'
import { mkdir, realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Clock } from '../base/clock.ts'

/** Editors write a file in several steps, ms. */
const quietMs = 500

export interface WatchParts {
  readonly clock: Clock
  /** The file may be another one, may be gone, or may be there again. */
  readonly onChange: () => void
  /** It is not watched any more, or never was: a sentence. */
  readonly onLost: (sentence: string) => void
}

/**
 * Watches the file at `path` until the returned function is called. Its folder is watched rather than the file: most programs
 * replace it. Made when it is missing, as the first `config.toml` may come later. Where the file is a link, the folder that it
 * leads to is watched too.
 */
export async function watchConfigFile(
  path: string,
  { clock, onChange, onLost }: WatchParts,
): Promise<() => void> {
  let cancelTimer: (() => void) | undefined
  const watchers: FSWatcher[] = []
  const close = () => {
    cancelTimer?.()
    for (const watcher of watchers) watcher.close()
  }
  const onEvent = () => {
    cancelTimer?.()
    cancelTimer = clock.after(quietMs, onChange)
  }
  const lost = (folder: string, error: unknown) => {
    close()
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    onLost(`changes of ${path} are not noticed: ${folder} cannot be watched (${code})`)
  }
  for (const file of await placesOf(path)) {
    const folder = dirname(file)
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || name === basename(file)) onEvent()
      })
      watcher.on('error', (error) => lost(folder, error))
      watchers.push(watcher)
    } catch (error) {
      lost(folder, error)
      break
    }
  }
  return close
}

/** The file as it is named, and as it really is, where that is elsewhere. What cannot be reached tells so when it is watched. */
async function placesOf(path: string): Promise<string[]> {
  const real = await realpath(path).catch(() => path)
  return real === path ? [path] : [path, real]
}
