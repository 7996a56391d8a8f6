import { expect, test } from 'vitest'
import type { Transfer } from '../api/types'
import { progressOf } from './progress'

const transfer = (state: Transfer['state'], bytes: number, total?: number): Transfer => ({
  id: `${state}${bytes}`,
  kind: 'code',
  direction: 'received',
  state,
  created: '2026-01-01T00:00:00Z',
  bytes,
  ...(total === undefined ? {} : { total }),
})

test('what runs counts by its bytes', () => {
  expect(progressOf([transfer('running', 10, 100), transfer('running', 90, 100)])).toBe(0.5)
})

test('what does not run, or has no known size, does not count', () => {
  expect(progressOf([])).toBeUndefined()
  expect(
    progressOf([transfer('paused', 50, 100), transfer('done', 100, 100), transfer('running', 5)]),
  ).toBeUndefined()
  expect(progressOf([transfer('running', 120, 100), transfer('waiting', 0, 900)])).toBe(1)
})
