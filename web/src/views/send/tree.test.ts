import { expect, test } from 'vitest'
import { distinct, readTree, tops } from './tree'

/** As a browser gives them: a folder's entries two at a time. */
function entry(name: string, content: string | FileSystemEntry[]): FileSystemEntry {
  if (typeof content === 'string') {
    const file = (done: (f: File) => void) => done(new File([content], name))
    return { name, isFile: true, isDirectory: false, file } as unknown as FileSystemEntry
  }
  const createReader = () => {
    const rest = [...content]
    return { readEntries: (done: (e: FileSystemEntry[]) => void) => done(rest.splice(0, 2)) }
  }
  return { name, isFile: false, isDirectory: true, createReader } as unknown as FileSystemEntry
}

test('all files of a tree are found under their paths', async () => {
  const dropped = [
    entry('film', [
      entry('a.mov', '1'),
      entry('b.mov', '22'),
      entry('raw', [entry('1.dng', '333')]),
      entry('c.mov', ''),
    ]),
    entry('note.txt', 'x'),
    new File(['y'], 'plain.txt'),
  ]
  const found = await readTree(dropped, new AbortController().signal)
  expect(found.map((f) => [f.path, f.file.size])).toEqual([
    ['film/a.mov', 1],
    ['film/b.mov', 2],
    ['film/raw/1.dng', 3],
    ['film/c.mov', 0],
    ['note.txt', 1],
    ['plain.txt', 1],
  ])
})

test('reading ends when it is given up', async () => {
  await expect(readTree([entry('a', 'x')], AbortSignal.abort())).rejects.toThrow()
})

test('files of one path get names of their own', () => {
  const file = new File([], 'x')
  const paths = ['a.txt', 'a.txt', 'd.x/b', 'd.x/b', '.env', '.env', 'a.txt'].map((path) => ({ path, file }))
  expect(distinct(paths).map((f) => f.path)).toEqual([
    'a.txt',
    'a (2).txt',
    'd.x/b',
    'd.x/b (2)',
    '.env',
    '.env (2)',
    'a (3).txt',
  ])
})

test('tops are what was dropped', () => {
  const files = [
    { path: 'film/a', size: 1 },
    { path: 'x', size: 2 },
    { path: 'film/raw/b', size: 4 },
  ]
  expect(tops(files)).toEqual([
    { name: 'film/', size: 5 },
    { name: 'x', size: 2 },
  ])
})
