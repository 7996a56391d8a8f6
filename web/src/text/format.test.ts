import { describe, expect, test } from 'vitest'
import { readSize, writeSize } from './bytes'
import { duration, inOneUnit, latency, percent, plural, rate, size, smallPercent, times } from './format'

describe('numbers as people read them', () => {
  test.each([
    [0, '0 byte'],
    [999, '999 byte'],
    [999_499, '999 kB'],
    [999_600, '1 MB'],
    [48_300_000_000, '48.3 GB'],
    [112_000_000, '112 MB'],
  ])('a size of %d', (bytes, text) => {
    expect(size(bytes).replace('bytes', 'byte')).toBe(text)
  })

  test('a rate', () => expect(rate(8_225_156)).toBe('8.2 MB/s'))

  test.each([
    [0.999, '99%'],
    [1, '100%'],
    [0.5, '50%'],
  ])('a share of %d is not rounded up', (part, text) => expect(percent(part)).toBe(text))

  test.each([
    [0, 'byte/s', '0'],
    [999, 'byte/s', '999'],
    [1000, 'kB/s', '1'],
    [118_000_000, 'MB/s', '118'],
    [2_400_000_000, 'GB/s', '2.4'],
    [1e19, 'PB/s', '10,000'],
  ])('%d in the unit that fits it', (most, unit, text) => {
    const one = inOneUnit(most)
    expect(one.unit).toBe(unit)
    expect(one.text(most)).toBe(text)
  })

  test('smaller rates in the unit of the largest', () => {
    expect([118e6, 1e9, 0].map(inOneUnit(1e9).text)).toEqual(['0.118', '1', '0'])
  })

  test.each([
    [0.94, '0.9'],
    [1, '1.0'],
    [12.38, '12.4'],
    [99.94, '99.9'],
    [99.96, '100'],
  ])('%d times', (ratio, text) => expect(times(ratio)).toBe(text))

  test.each([
    [0.0045, '0.45%'],
    [0.0994, '9.94%'],
    [0.123, '12%'],
  ])('a small share of %d', (part, text) => expect(smallPercent(part)).toBe(text))

  test.each([
    [0.00019, '0.2 ms'],
    [0.0083, '8.3 ms'],
    [0.041, '41 ms'],
    [1.26, '1.3 sec'],
  ])('%d seconds of waiting', (seconds, text) => expect(latency(seconds)).toBe(text))

  test.each([
    [0, /^0/],
    [4.25, /^4\.3/],
    [59.7, /^1 min 0/],
    [431, /^7 min 11/],
    [7260, /^2 hr 1 min/],
    [90_000, /^1 day 1 hr/],
  ])('%d seconds', (seconds, text) => expect(duration(seconds)).toMatch(text))

  test('one and many', () => {
    expect(plural(1, '# file', '# files')).toBe('1 file')
    expect(plural(1234, '# file', '# files')).toBe('1,234 files')
  })
})

describe('sizes as people write them', () => {
  test.each([
    ['20GB', 20e9],
    ['1.5 TiB', 1.5 * 2 ** 40],
    ['1,5 mb', 1.5e6],
    ['7B', 7],
  ])('%s', (text, bytes) => expect(readSize(text)).toBe(bytes))

  test.each(['', '20', 'GB', '20Gbit', '0B', '2000TB', '-1MB', '1e3MB', '20iB'])('%s is none', (text) => {
    expect(readSize(text)).toBeUndefined()
  })

  test.each([1, 999, 1000, 1234567, 500e6, 20e9, 1.5e12, 1e15])('%d is read as it was written', (bytes) => {
    expect(readSize(writeSize(bytes))).toBe(bytes)
  })
})
