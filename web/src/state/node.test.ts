import { expect, test } from 'vitest'
import type { Notice, Transfer } from '../api/types'
import { LiveNode } from './node.svelte'

const push: Transfer = {
  id: 'a',
  kind: 'push',
  direction: 'sent',
  state: 'running',
  created: '2026-01-01T00:00:00Z',
  bytes: 60,
  total: 100,
}

let seq = 0
const told = (of: Transfer): Notice => ({
  seq: ++seq,
  time: of.created,
  event: 'transfer',
  transfer: of.id,
  of,
})

test('a transfer is shown as the node last told it', () => {
  const live = new LiveNode()
  live['early'] = null
  live.hear(told(push))
  live.hear(told({ ...push, state: 'paused' }))
  expect(live.transfers).toHaveLength(1)
  // It may begin with less than it had, and goes on from there.
  for (const bytes of [20, 30, 100]) {
    live.hear(told({ ...push, bytes, rate: 5, path: 'film.mov' }))
    expect(live.transfers[0]).toMatchObject({ state: 'running', bytes, rate: 5, path: 'film.mov' })
  }
})

test('what is told before the state is there counts after it, and once', () => {
  const live = new LiveNode()
  live.hear(told({ ...push, bytes: 70 }))
  expect(live.transfers).toHaveLength(0)
  live['early'] = null
  const late = told({ ...push, bytes: 80 })
  live.hear(late)
  live.hear({ ...late, of: push })
  expect(live.transfers[0]?.bytes).toBe(80)
})
