import { describe, expectTypeOf, it } from 'vitest'
import type { z } from 'zod'
import type * as schema from '../../../src/api/schema.ts'
import type * as wire from '../../../src/api/types.ts'

describe('the schemas', () => {
  it('accept everything that the wire types allow', () => {
    expectTypeOf<wire.WireFile>().toExtend<z.input<typeof schema.file>>()
    expectTypeOf<wire.WireStoragePolicy>().toExtend<z.input<typeof schema.storagePolicy>>()
    expectTypeOf<wire.WireUser>().toExtend<z.input<typeof schema.user>>()
  })
})
