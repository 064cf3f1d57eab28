/** What programs, the server and the local disk do. */
import fc from 'fast-check'

/** Few names at few depths, so that what is done here gets in its own way. */
const nameOf = fc.constantFrom('a', 'b', 'c')
const pathOf = fc.array(nameOf, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))

export const changing = ['createFolder', 'rename', 'move', 'remove', 'upload'] as const
export type Changing = (typeof changing)[number]

export interface HoldStep {
  readonly do: 'hold'
  readonly method: Changing
  readonly at: 'before' | 'after'
  readonly ms: number
}

export type PathStep =
  | { readonly do: 'mkdir' | 'save' | 'unlink' | 'rmdir'; readonly path: string }
  | { readonly do: 'rename'; readonly path: string; readonly to: string }

export type Step =
  | PathStep
  | { readonly do: 'fail' | 'lose'; readonly method: Changing }
  | HoldStep
  | { readonly do: 'wait' | 'slow disk'; readonly ms: number }
  | { readonly do: 'crash' }

const onPath = (kind: 'mkdir' | 'save' | 'unlink' | 'rmdir') =>
  fc.record({ do: fc.constant(kind), path: pathOf })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: onPath('mkdir') },
  { weight: 2, arbitrary: onPath('save') },
  { weight: 1, arbitrary: onPath('unlink') },
  { weight: 1, arbitrary: onPath('rmdir') },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('rename' as const), path: pathOf, to: pathOf }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('fail' as const, 'lose' as const),
      method: fc.constantFrom(...changing),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      method: fc.constantFrom(...changing),
      at: fc.constantFrom('before' as const, 'after' as const),
      ms: fc.constantFrom(800, 2_500),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 600, 1_100) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('slow disk' as const), ms: fc.constantFrom(0, 50, 700) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
)

/** A file or folder gets a third name, and something else the second one, while the request that gives it the second is on its way. */
const overtaken: fc.Arbitrary<Step[]> = fc
  .record({
    path: pathOf,
    to: pathOf,
    last: pathOf,
    other: pathOf,
    by: fc.constantFrom('mkdir' as const, 'save' as const, 'rename' as const),
    at: fc.constantFrom('before' as const, 'after' as const),
    isLost: fc.boolean(),
  })
  .map(({ path, to, last, other, by, at, isLost }) => [
    { do: 'hold', method: 'rename', at, ms: 2_500 },
    { do: 'hold', method: 'move', at, ms: 2_500 },
    ...(isLost ? ([{ do: 'lose', method: 'rename' }] as const) : []),
    { do: 'rename', path, to },
    { do: 'wait', ms: 1_100 },
    { do: 'rename', path: to, to: last },
    by === 'rename' ? { do: by, path: other, to } : { do: by, path: to },
    { do: 'wait', ms: 600 },
  ])

export const someSteps: fc.Arbitrary<Step[]> = fc
  .array(fc.oneof({ weight: 9, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: overtaken }), {
    minLength: 3,
    maxLength: 16,
  })
  .map((parts) => parts.flat())
