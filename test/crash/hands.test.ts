import { expect, it } from 'vitest'
import type { Engine, Handle } from '../conformance/engine.ts'
import { Hands } from './hands.ts'

it('a file that was still being opened when its process died is closed, too', async () => {
  let isOpen = true
  const handle = { close: async () => void (isOpen = false) } as Handle
  const hands = new Hands({ open: () => Promise.resolve(handle) } as unknown as Engine)
  const opening = hands.perform({ do: 'open', handle: 1, path: 'a', how: 'use' })
  await Promise.all([hands.closeAll(), opening])
  expect(isOpen).toBe(false)
})
