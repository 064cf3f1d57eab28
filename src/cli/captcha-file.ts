/** The captcha's picture, where a person can look at it. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Io } from './io.ts'

/**
 * Saves the picture, says where, opens it on a desktop, asks, and removes it.
 * @param extension of the file, without a dot
 */
export async function askWithPicture(
  io: Pick<Io, 'err' | 'environment'>,
  picture: { readonly bytes: Uint8Array; readonly extension: string },
  ask: () => Promise<string>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cloudreve-mount-captcha-'))
  try {
    const path = join(folder, `captcha.${picture.extension.replaceAll(/\W/g, '')}`)
    await writeFile(path, picture.bytes, { mode: 0o600 })
    io.err(`The site shows a captcha: ${path}`)
    if (io.environment['DISPLAY'] || io.environment['WAYLAND_DISPLAY']) openOnDesktop(io, path)
    return await ask()
  } finally {
    await rm(folder, { recursive: true })
  }
}

function openOnDesktop(io: Pick<Io, 'err'>, path: string): void {
  const viewer = spawn('xdg-open', [path], { detached: true, stdio: 'ignore' })
  viewer.on('error', () => io.err('It could not be opened by itself: open that file to see it.'))
  viewer.unref()
}
