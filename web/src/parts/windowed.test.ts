import { expect, test } from 'vitest'
import { inSight } from './windowed'

test.each([
  ['an empty list', 0, 0, { first: 0, end: 0 }],
  ['a short one', 3, 0, { first: 0, end: 3 }],
  ['the top of a long one', 10_000, 0, { first: 0, end: 12 }],
  ['its middle', 10_000, 4000, { first: 98, end: 112 }],
  ['its end', 10_000, 399_600, { first: 9988, end: 10_000 }],
  ['a list that became shorter', 5, 399_600, { first: 4, end: 5 }],
])('%s', (_, count, scrolled, want) => {
  expect(inSight(count, 40, scrolled, 400, 2)).toEqual(want)
})
