import { expect, test } from 'vitest'
import { join, sum, type Chosen } from './chosen'

const file = (path: string, size: number | undefined): Chosen => ({ path, name: path, dir: false, size })
const folder = (path: string): Chosen => ({ path, name: path, dir: true, size: undefined })

test('a sum says whether it knows everything', () => {
  expect(sum([])).toEqual({ files: 0, folders: 0, bytes: 0, whole: true })
  expect(sum([file('/a', 1), file('/b', 2)])).toEqual({ files: 2, folders: 0, bytes: 3, whole: true })
  expect(sum([file('/a', 1), folder('/c')])).toEqual({ files: 1, folders: 1, bytes: 1, whole: false })
})

test('nothing is chosen twice', () => {
  const a = file('/a', 1)
  const b = file('/b', 2)
  expect(join([a], [file('/a', 1), b])).toEqual([a, b])
})
