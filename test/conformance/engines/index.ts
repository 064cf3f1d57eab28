import type { EngineHost } from '../engine.ts'
import { LocalFolderHost } from './local-folder.ts'

/** Every engine that the cases run over, the judge first. */
export async function hosts(): Promise<readonly EngineHost[]> {
  return [new LocalFolderHost()]
}
