import { expect, test } from 'vitest'
import type { Transfer } from '../api/types'
import { keepRates, ratesOf, sample, span } from './rates.svelte'

const transfer = (id: string, rate: number, state: Transfer['state'] = 'running'): Transfer => ({
  id,
  kind: 'code',
  direction: 'received',
  state,
  created: '2026-01-01T00:00:00Z',
  bytes: 0,
  rate,
})

test('the last rate of each second is kept', () => {
  sample(transfer('a', 1), 1000)
  sample(transfer('a', 2), 1900)
  sample(transfer('a', 3), 2000)
  expect(ratesOf('a')).toEqual({ times: [1, 2], rates: [2, 3] })
})

test('one that stops falls to zero once', () => {
  sample(transfer('b', 5), 1000)
  sample(transfer('b', 5, 'paused'), 2000)
  sample(transfer('b', 5, 'paused'), 3000)
  expect(ratesOf('b')).toEqual({ times: [1, 2], rates: [5, 0] })
  sample(transfer('c', 0, 'queued'), 1000)
  expect(ratesOf('c').times).toEqual([])
})

test('it reaches back for so long only', () => {
  for (let s = 0; s < span + 10; s++) sample(transfer('d', s), s * 1000)
  expect(ratesOf('d').times).toHaveLength(span)
  expect(ratesOf('d').rates[0]).toBe(10)
})

test('what is not listed any more is forgotten', () => {
  sample(transfer('e', 1), 1000)
  sample(transfer('f', 1), 1000)
  keepRates([transfer('f', 1)])
  expect(ratesOf('e').times).toEqual([])
  expect(ratesOf('f').times).toEqual([1])
})
