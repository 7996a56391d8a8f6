import { expect, test } from 'vitest'
import type { BenchRun } from '../../api/types'
import { bands, most, ticks } from './bands'

const run = (...samples: [at: number, ...rates: number[]][]): BenchRun => ({
  streams: 2,
  automatic: false,
  bytes: 1,
  seconds: 1,
  rate: 1,
  sender_cpu: 0,
  receiver_cpu: 0,
  over_time: samples.map(([at, ...rates]) => ({ at, rates })),
})

test.each([
  [0, [0, 1]],
  [NaN, [0, 1]],
  [4, [0, 1, 2, 3, 4]],
  [5, [0, 2, 4, 6]],
  [10, [0, 2.5, 5, 7.5, 10]],
  [118e6, [0, 50e6, 100e6, 150e6]],
  [0.3, [0, 0.1, 0.2, 0.3]],
])('an axis up to %d', (up, values) => {
  const found = ticks(up)
  expect(found).toHaveLength(values.length)
  found.forEach((v, i) => expect(v).toBeCloseTo(values[i] ?? NaN))
})

test('every axis has a few steps and holds all', () => {
  for (let up = 0.001; up < 1e12; up *= 1.37) {
    const values = ticks(up)
    expect(values.length).toBeGreaterThanOrEqual(3)
    expect(values.length).toBeLessThanOrEqual(6)
    expect(values.at(-1)).toBeGreaterThanOrEqual(up * 0.999)
  }
})

test('streams stand on top of each other', () => {
  const of = run([1, 10, 20], [2, 30, 10])
  expect(most(of)).toBe(40)
  expect(bands(of, 40, 100, 40)).toEqual(['M0 40V30H50V10H100V40H50V40H0Z', 'M0 30V10H50V0H100V10H50V30H0Z'])
})

test('a single sample is a block', () => {
  expect(bands(run([0.5, 10]), 10, 100, 40)).toEqual(['M0 40V0H100V40H0Z'])
})

test('a stream that is not in every sample stands still in the others', () => {
  expect(bands(run([1, 10], [2, 10, 10]), 20, 100, 20)[1]).toBe('M0 10V10H50V0H100V10H50V10H0Z')
})

test('nothing was seen', () => {
  expect(bands(run(), 10, 100, 40)).toEqual([])
  expect(bands(run([1, 0]), 0, 100, 40)).toEqual([])
  expect(most(run())).toBe(0)
})
