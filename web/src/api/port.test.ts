import { expect, test } from 'vitest'
import { withPort } from './port'

test.each([
  ['10.0.0.7', '10.0.0.7:12121'],
  ['10.0.0.7:40123', '10.0.0.7:40123'],
  ['studio.local', 'studio.local:12121'],
  ['[fe80::1]:40123', '[fe80::1]:40123'],
  ['[fe80::1]', '[fe80::1]:12121'],
  ['fe80::1%eth0', '[fe80::1%eth0]:12121'],
])('withPort %s', (address, want) => {
  expect(withPort(address)).toBe(want)
})
