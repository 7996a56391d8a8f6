import { expect, test } from 'vitest'
import type { Transfer } from '../../api/types'
import { plain } from '../../text/say'
import { actions, otherSide, part, quarter, sorted, stateText } from './look'
import { names, title } from './title'

const transfer = (more: Partial<Transfer>): Transfer => ({
  id: 't',
  kind: 'code',
  direction: 'received',
  state: 'running',
  created: '2026-01-01T00:00:00Z',
  bytes: 0,
  ...more,
})

test('those under way come first, the newest first', () => {
  const at = (id: string, minute: number, state: Transfer['state']) =>
    transfer({ id, state, created: `2026-01-01T00:0${minute}:00Z` })
  const { underWay, over } = sorted([
    at('a', 1, 'done'),
    at('b', 2, 'failed'),
    at('c', 3, 'cancelled'),
    at('d', 4, 'running'),
  ])
  expect(underWay.map((t) => t.id)).toEqual(['d', 'b'])
  expect(over.map((t) => t.id)).toEqual(['c', 'a'])
})

test('how far it is', () => {
  expect(part(transfer({}))).toBeUndefined()
  expect(part(transfer({ bytes: 50, total: 100 }))).toBe(0.5)
  expect(part(transfer({ bytes: 150, total: 100 }))).toBe(1)
  expect(part(transfer({ state: 'done' }))).toBe(1)
})

test('it is said aloud at quarters', () => {
  const said = [0, 10, 24, 25, 49, 50, 99, 100].map((bytes) => quarter(transfer({ bytes, total: 100 })))
  expect(said).toEqual([0, 0, 0, 0.25, 0.25, 0.5, 0.75, 1])
  expect(quarter(transfer({ state: 'paused', bytes: 50, total: 100 }))).toBeUndefined()
})

test('what may be done follows from how it stands', () => {
  const can = (more: Partial<Transfer>) =>
    Object.entries(actions(transfer(more)))
      .filter(([name, may]) => may && name !== 'again')
      .map(([name]) => name)
  expect(can({ state: 'asking' })).toEqual(['answer'])
  expect(can({ state: 'running' })).toEqual(['pause', 'cancel'])
  expect(can({ state: 'waiting' })).toEqual(['pause', 'cancel'])
  expect(can({ state: 'waiting', error: { code: 'source_lost', message: '' } })).toEqual([
    'pause',
    'resume',
    'cancel',
  ])
  expect(can({ state: 'paused' })).toEqual(['resume', 'cancel'])
  expect(can({ state: 'failed' })).toEqual(['resume', 'cancel'])
  expect(can({ state: 'done' })).toEqual([])
})

test('states in words', () => {
  expect(stateText(transfer({ state: 'done', took: 12 }))).toBe('Done in 12 sec, verified')
  expect(stateText(transfer({ state: 'done', took: 12, uncompared: 1 }))).toContain('1 file was there before')
  expect(stateText(transfer({ state: 'done', kind: 'share', receivers: 2 }))).toContain('2 receivers')
  expect(stateText(transfer({ state: 'asking', kind: 'given', direction: 'sent' }))).toBe(
    'Asks you for files',
  )
  expect(stateText(transfer({ state: 'waiting', kind: 'share', direction: 'sent' }))).toBe(
    'Waiting for receivers',
  )
})

test('what and with whom', () => {
  expect(names(['a/', 'b'], 3)).toBe('a/, b and 3 more')
  expect(title(transfer({ offer: { device: 'x', names: ['n'], files: 1, bytes: 1, text: true } }))).toBe(
    'A text',
  )
  expect(title(transfer({}))).toBe('Files')
  expect(plain(otherSide(transfer({ device: 'studio' })))).toBe('From studio')
  expect(plain(otherSide(transfer({ direction: 'sent', device: 'studio' })))).toBe('To studio')
  expect(
    plain(otherSide(transfer({ kind: 'share', direction: 'sent', state: 'waiting', device: 'studio' }))),
  ).toBe('For anyone with the code')
})
