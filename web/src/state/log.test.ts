import { beforeEach, expect, test } from 'vitest'
import type { Notice, Transfer } from '../api/types'
import { Log } from './log.svelte'

let log: Log
beforeEach(() => (log = new Log()))

let seq = 0
const notice = (event: Notice['event'], more: Partial<Notice> = {}): Notice => ({
  seq: ++seq,
  event,
  time: '2026-01-01T00:00:00Z',
  ...more,
})
const transfer = (state: Transfer['state']): Transfer => ({
  id: 't',
  kind: 'asked',
  direction: 'received',
  state,
  created: '2026-01-01T00:00:00Z',
  bytes: 0,
})
const events = () => log.entries.map((e) => e.event)

test('what comes many times a second is left out', () => {
  for (const event of ['progress', 'sending', 'run', 'bench', 'file'] as const)
    log.add(notice(event), undefined)
  expect(events()).toEqual(['file'])
})

test('a transfer is told of when it stands otherwise', () => {
  const error = { code: 'source_lost', message: 'gone' }
  for (const of of [
    transfer('waiting'),
    transfer('waiting'),
    { ...transfer('waiting'), error },
    transfer('running'),
  ])
    log.add(notice('transfer', { of }), of)
  expect(log.entries.map((e) => `${e.of?.state} ${e.of?.error?.code ?? ''}`)).toEqual([
    'waiting ',
    'waiting source_lost',
    'running ',
  ])
})

test('an entry knows what kind of transfer it is about', () => {
  log.add(notice('requested'), transfer('waiting'))
  expect(log.entries[0]?.kind).toBe('asked')
})

test('a device that is here is told of once', () => {
  for (const event of ['seen', 'seen', 'gone', 'seen'] as const)
    log.add(notice(event, { device_id: 'x' }), undefined)
  expect(events()).toEqual(['seen', 'gone', 'seen'])
})

test('the node is lost and found once', () => {
  for (const does of [true, false, false, true, true]) log.answers(does)
  expect(events()).toEqual(['node_lost', 'node_found'])
})

test('the oldest go first', () => {
  for (let i = 0; i < 2100; i++) log.add(notice('file', { path: String(i) }), undefined)
  expect(log.entries).toHaveLength(2000)
  expect(log.entries[0]?.path).toBe('100')
  expect(new Set(log.entries.map((e) => e.number)).size).toBe(2000)
})
