import { expect, test } from 'vitest'
import { plain, say } from './say'

test('names are parts of their own', () => {
  expect(say`Sending to ${'<b>'}.`).toEqual(['Sending to ', { name: '<b>' }, '.'])
  expect(say`${'a'} and ${'b'}`).toEqual([{ name: 'a' }, ' and ', { name: 'b' }])
  expect(say`nothing`).toEqual(['nothing'])
})

test('a sentence as text', () => expect(plain(say`From ${'مكتب'}: done.`)).toBe('From مكتب: done.'))
