import { expect, test } from 'vitest'
import type { Transfer } from '../api/types'
import { otherSide } from '../state/other'
import { names } from '../views/transfers/title'
import { legible } from './legible'

test('names that turn around or hide are shown as what they are', () => {
  expect(legible('photo\u202egpj.exe')).toBe('photo\\u202egpj.exe')
  expect(legible('a\u00adb\u061cc\u200bd\u200fe\u2066f\ufeff')).toBe(
    'a\\u00adb\\u061cc\\u200bd\\u200fe\\u2066f\\ufeff',
  )
  for (const usual of [
    '',
    '<b> & "c".jpg',
    'छुट्टी 🎬.mp4',
    'שלום.HEIC',
    'مكتب',
    '👨\u200d👩\u200d👧.png',
    '\\u202e',
  ])
    expect(legible(usual)).toBe(usual)
})

test('what is offered, and by whom, is shown so', () => {
  expect(names(['photo\u202egpj.exe', 'b'], 0)).toBe('photo\\u202egpj.exe, b')
  expect(otherSide({ device: '\u202eegnaro' } as Transfer, [])).toBe('\\u202eegnaro')
})
