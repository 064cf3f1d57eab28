/** Taking set-id bits away where HANDLE_KILLPRIV_V2 leaves that to us. */
import type { Ino, OpContext } from '../../core/types.ts'
import type { OperationParts } from './answer.ts'

/** The kernel asks for it, or the content of the file was changed by somebody who is not trusted with the bits. */
export async function dropSetId(
  { fileSystem, modes }: Pick<OperationParts, 'fileSystem' | 'modes'>,
  ino: Ino,
  context: OpContext,
): Promise<void> {
  const mode = modes.withoutSetId(ino)
  if (mode === undefined) return
  const { attr } = await fileSystem.setattr(ino, { mode }, undefined, context)
  modes.note(ino, attr)
}

/** Where the kernel has no way to ask for it: for everybody but root, who keeps the bits by CAP_FSETID. */
export async function dropSetIdUnlessRoot(
  parts: Pick<OperationParts, 'fileSystem' | 'modes'>,
  ino: Ino,
  context: OpContext,
): Promise<void> {
  if (context.uid !== 0) await dropSetId(parts, ino, context)
}
