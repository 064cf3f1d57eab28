import type { ContentBase } from './content-base.ts'
import type { ContentBytesParts } from './content-parts.ts'
import type { SideCar } from './side-car.ts'
import type { StagedFacts, StagedFile } from './staged-file.ts'
import type { WholeCopy } from './types.ts'

/** What is said now about a staged file of this content; its times are those of `before`, if it was staged before. */
export function stagedFacts(
  { owner, environment }: Pick<ContentBytesParts, 'owner' | 'environment'>,
  { entity: base, sizeBytes: baseSizeBytes, lender, replaces }: ContentBase,
  before?: StagedFacts,
): StagedFacts {
  const path = owner.path()
  const uri = path && environment.remote.facts.uriOf(path)
  const now = environment.clock.now()
  const { createdAtMs, modifiedAtMs } = before ?? { createdAtMs: now, modifiedAtMs: now }
  return { label: owner.label, path, uri, base, baseSizeBytes, lender, replaces, createdAtMs, modifiedAtMs }
}

/** As an earlier process has left them. */
export function factsOf(sideCar: SideCar): StagedFacts {
  const { label, uri, path, base, baseSizeBytes, lender, replaces, createdAtMs, modifiedAtMs } = sideCar
  return { label, uri, path, base, baseSizeBytes, lender, replaces, createdAtMs, modifiedAtMs }
}

/** What all of a staged content is, if no byte of it is here. */
export function wholeCopy({ facts, extents }: Pick<StagedFile, 'facts' | 'extents'>): WholeCopy | undefined {
  const { base, baseSizeBytes, lender } = facts
  const isWhole = extents.isAllBase && extents.sizeBytes === baseSizeBytes
  return isWhole && lender && base !== 'absent' ? { entity: base, lender: lender.id } : undefined
}
