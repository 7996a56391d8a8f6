import { describe, expect, test } from 'vitest'
import type { ListedFile } from '../../api/types'
import { asFolder, count, patterns, wrongName } from './wanted'

const files: ListedFile[] = [
  { path: 'film', size: 0, dir: true },
  { path: 'film/a.mov', size: 1, dir: false },
  { path: 'film/raw', size: 0, dir: true },
  { path: 'film/raw/1.dng', size: 2, dir: false },
  { path: 'film/raw/2.dng', size: 4, dir: false },
  { path: 'film/raw/deep/3.dng', size: 8, dir: false },
  { path: 'notes [1]*.txt', size: 16, dir: false },
  { path: 'other.txt', size: 32, dir: false },
]

describe('patterns', () => {
  const of = (...unwanted: string[]) => patterns(files, new Set(unwanted))
  test('everything', () => expect(of()).toBeUndefined())
  test('whole folders stand for what is in them', () => {
    expect(of('other.txt')).toEqual(['/film/', '/notes \\[1\\]\\*.txt'])
  })
  test('a folder that is not whole is taken apart', () => {
    expect(of('film/a.mov', 'other.txt', 'notes [1]*.txt')).toEqual(['/film/raw/'])
    expect(of('film/raw/1.dng', 'other.txt')).toEqual([
      '/film/a.mov',
      '/film/raw/2.dng',
      '/film/raw/deep/',
      '/notes \\[1\\]\\*.txt',
    ])
  })
  test('nothing', () => expect(of(...files.filter((f) => !f.dir).map((f) => f.path))).toEqual([]))
})

test('count leaves out folders and what is not wanted', () => {
  expect(count(files, new Set())).toEqual({ files: 6, bytes: 63 })
  expect(count(files, new Set(['film/a.mov', 'other.txt']))).toEqual({ files: 4, bytes: 30 })
})

test('names', () => {
  expect(wrongName('a.txt')).toBeUndefined()
  expect(wrongName('  ')).toBe('empty')
  expect(wrongName('..')).toBe('empty')
  expect(wrongName('a/b')).toBe('slash')
  expect(wrongName('a\\b')).toBe('slash')
})

describe('asFolder', () => {
  test.each([
    ['/films', '/films/'],
    [' /films/ ', '/films/'],
    ['/', '/'],
    ['C:\\films\\', 'C:\\films/'],
  ])('%s is %s', (path, folder) => expect(asFolder(path)).toBe(folder))
})
