import { describe, expect, test } from 'vitest'
import type { FolderEntry } from '../../api/types'
import { listing, type Wish } from './listing'

const entry = (name: string, more: Partial<FolderEntry> = {}): FolderEntry => ({
  name,
  dir: false,
  size: 0,
  modified: '2026-01-01T00:00:00Z',
  kind: 'other',
  hidden: false,
  ...more,
})
const folder = (name: string, more: Partial<FolderEntry> = {}) =>
  entry(name, { dir: true, kind: 'folder', ...more })
const wish: Wish = { kind: 'all', text: '', hidden: false, files: true, by: 'name', down: false }
const names = (entries: FolderEntry[], w: Partial<Wish> = {}) =>
  listing(entries, { ...wish, ...w }).map((e) => e.name)

describe('listing', () => {
  const some = [
    entry('take 10.mov', { kind: 'video', size: 30, modified: '2026-03-01T00:00:00Z' }),
    entry('Take 2.mov', { kind: 'video', size: 50, modified: '2026-02-01T00:00:00Z' }),
    entry('cover.jpg', { kind: 'picture', size: 40, modified: '2026-04-01T00:00:00Z' }),
    entry('.cache', { hidden: true }),
    folder('zoo', { modified: '2026-05-01T00:00:00Z' }),
    folder('ants', { modified: '2026-06-01T00:00:00Z' }),
  ]
  test('folders come first, and numbers count', () => {
    expect(names(some)).toEqual(['ants', 'zoo', 'cover.jpg', 'Take 2.mov', 'take 10.mov'])
    expect(names(some, { down: true })).toEqual(['zoo', 'ants', 'take 10.mov', 'Take 2.mov', 'cover.jpg'])
  })
  test('by size and date', () => {
    expect(names(some, { by: 'size', down: true })).toEqual([
      'zoo',
      'ants',
      'Take 2.mov',
      'cover.jpg',
      'take 10.mov',
    ])
    expect(names(some, { by: 'modified' })).toEqual(['zoo', 'ants', 'Take 2.mov', 'take 10.mov', 'cover.jpg'])
  })
  test('what is asked for', () => {
    expect(names(some, { hidden: true })).toContain('.cache')
    expect(names(some, { kind: 'video' })).toEqual(['ants', 'zoo', 'Take 2.mov', 'take 10.mov'])
    expect(names(some, { text: ' TAKE ' })).toEqual(['Take 2.mov', 'take 10.mov'])
    expect(names(some, { files: false })).toEqual(['ants', 'zoo'])
  })
  test('names that differ in case alone have one order', () => {
    expect(names([entry('B'), entry('b')])).toEqual(names([entry('b'), entry('B')]))
  })
})
