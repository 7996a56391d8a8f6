import { describe, expect, test } from 'vitest'
import { crumbs, within } from './crumbs'

describe('crumbs', () => {
  test.each([
    ['/', [['/', '/']]],
    [
      '/home/asha/Films 2026',
      [
        ['/', '/'],
        ['home', '/home'],
        ['asha', '/home/asha'],
        ['Films 2026', '/home/asha/Films 2026'],
      ],
    ],
    [
      '/odd\\name/x',
      [
        ['/', '/'],
        ['odd\\name', '/odd\\name'],
        ['x', '/odd\\name/x'],
      ],
    ],
    ['C:\\', [['C:', 'C:\\']]],
    [
      'C:\\Users\\asha',
      [
        ['C:', 'C:\\'],
        ['Users', 'C:\\Users'],
        ['asha', 'C:\\Users\\asha'],
      ],
    ],
    [
      '\\\\nas\\films\\raw',
      [
        ['\\\\nas\\films', '\\\\nas\\films\\'],
        ['raw', '\\\\nas\\films\\raw'],
      ],
    ],
  ])('of %s', (path, want) => {
    expect(crumbs(path).map((c) => [c.name, c.path])).toEqual(want)
  })
})

test('within joins with the separator of the folder', () => {
  expect(within('/', 'a')).toBe('/a')
  expect(within('/home', 'a')).toBe('/home/a')
  expect(within('C:\\', 'a')).toBe('C:\\a')
  expect(within('C:\\Users', 'a')).toBe('C:\\Users\\a')
})
