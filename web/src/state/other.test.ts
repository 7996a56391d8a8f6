import { expect, test } from 'vitest'
import type { Device, Transfer } from '../api/types'
import { otherSide } from './other'

const transfer = (more: Partial<Transfer>): Transfer => ({
  id: 'T',
  kind: 'push',
  direction: 'sent',
  state: 'waiting',
  created: '2026-01-01T00:00:00Z',
  bytes: 0,
  ...more,
})
const device = (more: Partial<Device>): Device => ({
  id: 'abc',
  name: 'studio',
  addresses: [],
  here: true,
  shares: false,
  takes_offers: true,
  trusted: false,
  ...more,
})

test.each([
  ['its own name', transfer({ device: 'studio', device_id: 'abc' }), [], 'studio'],
  [
    'the name it has here',
    transfer({ device: 'studio', device_id: 'abc' }),
    [device({ alias: 'Anna' })],
    'Anna',
  ],
  ['the name for its ID', transfer({ device: 'abc' }), [device({})], 'studio'],
  ['an ID that is not known', transfer({ device: 'abc' }), [], 'abc'],
  ['an address', transfer({ address: '10.0.0.7' }), [device({})], '10.0.0.7'],
  ['nothing', transfer({}), [], '…'],
])('otherSide: %s', (_, t, devices, want) => {
  expect(otherSide(t, devices)).toBe(want)
})
