import { describe, expect, test } from 'vitest'
import { isAddress, isCode, readCode } from './address'

describe('readCode', () => {
  test.each([
    ['7-river-anvil-moss', '7-river-anvil-moss', ''],
    ['  7 River  Anvil_Moss ', '7-river-anvil-moss', ''],
    ['7–river—anvil−moss', '7-river-anvil-moss', ''],
    ['7-river-anvil-moss@10.0.0.7:12121', '7-river-anvil-moss', '10.0.0.7:12121'],
    ['7-RIVER-anvil-moss @ [fe80::1]:12121', '7-river-anvil-moss', '[fe80::1]:12121'],
    ['', '', ''],
  ])('%s', (text, code, address) => {
    expect(readCode(text)).toEqual({ code, address })
  })
})

test.each([
  ['7-river-anvil-moss', true],
  ['9999-longsecret', true],
  ['7', false],
  ['7-short', false],
  ['river-anvil-moss', false],
  ['12345-river-anvil', false],
])('isCode %s: %s', (code, want) => {
  expect(isCode(code)).toBe(want)
})

test.each([
  ['10.0.0.7', true],
  ['10.0.0.7:12121', true],
  ['studio.local', true],
  ['studio:1', true],
  ['[fe80::1]:12121', true],
  ['fe80::1', true],
  ['fe80::1%eth0', true],
  ['', false],
  ['studio:0', false],
  ['studio:70000', false],
  ['studio:port', false],
  ['two words', false],
  ['http://studio', false],
])('isAddress %s: %s', (text, want) => {
  expect(isAddress(text)).toBe(want)
})
