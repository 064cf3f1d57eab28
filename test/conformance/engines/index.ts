import type { EngineHost } from '../engine.ts'
import { embeddedMountHosts } from './embedded-mount.ts'
import { EmbeddedHost, RealHost } from './http-hosts.ts'
import { LocalFolderHost } from './local-folder.ts'
import { MemoryHost } from './memory-host.ts'
import type { VfsOptions } from './vfs/vfs.ts'

/** The two kinds of kernel that matter: one that forgets at once, and one that remembers what it was told. */
export const kernels: readonly VfsOptions[] = [
  { names: 'drop', truncate: 'setattr', readdirPlus: false },
  { names: 'keep', truncate: 'atomic', readdirPlus: true },
]

/** Every engine that the cases run over, the judge first. */
export async function hosts(): Promise<readonly EngineHost[]> {
  return [
    new LocalFolderHost(),
    ...kernels.map((options) => new MemoryHost(options)),
    new EmbeddedHost(),
    new RealHost(),
    ...embeddedMountHosts,
  ]
}
