// Runs when the package is installed. Where neither the binary that came with it nor one that was compiled before can be
// loaded, it is compiled here. When that fails, too, the installation still goes well: another driver may be there, and
// `cloudreve-mount doctor` tells what is missing.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'

const folder = import.meta.dirname
const require = createRequire(import.meta.url)

function main() {
  // A checkout has a set-up of its own.
  if (existsSync(join(folder, '../.ci')) || loads()) return
  say('no binary that came with the package loads on this machine: compiling')
  const { status } = spawnSync(process.execPath, [require.resolve('node-gyp-build/bin.js')], {
    cwd: folder,
    env: compilerEnvironment(),
    stdio: 'inherit',
  })
  if (status === 0 && loads()) return say('compiled')
  say(
    'could not be compiled, which is no failure: if @cocalc/fuse-native could be installed, it mounts. ' +
      '`cloudreve-mount doctor` says what is missing.',
  )
}

/** In a process of its own: one that is broken may take its process down. */
function loads() {
  const script = `require('node-gyp-build')(${JSON.stringify(folder)})`
  return spawnSync(process.execPath, ['-e', script], { cwd: folder, stdio: 'ignore' }).status === 0
}

/** Headers beside the running Node spare node-gyp the download. */
function compilerEnvironment() {
  const prefix = resolve(dirname(process.execPath), '..')
  const header = join(prefix, 'include/node/node_version.h')
  const [major, minor, patch] = process.versions.node.split('.')
  const isOfThisNode =
    existsSync(header) &&
    [`MAJOR_VERSION ${major}`, `MINOR_VERSION ${minor}`, `PATCH_VERSION ${patch}`].every((line) =>
      readFileSync(header, 'utf8').includes(`#define NODE_${line}\n`),
    )
  return isOfThisNode ? { ...process.env, npm_config_nodedir: prefix } : process.env
}

function say(sentence) {
  process.stdout.write(`cloudreve-mount, native driver: ${sentence}\n`)
}

main()
