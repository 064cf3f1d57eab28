import { ApiFailure, invalid } from '../failure.ts'
import type { Op } from './place.ts'

/** @throws {ApiFailure} 40001 nothing named, 40074 too many */
export function checkBatch({ world }: Op, uris: readonly string[]): void {
  if (uris.length === 0) throw invalid()
  if (uris.length > world.settings.maxBatchSize) throw new ApiFailure(40074)
}
