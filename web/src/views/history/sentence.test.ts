import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Transfer } from '../../api/types'
import type { Entry } from '../../state/log.svelte'
import { plain } from '../../text/say'
import { lineOf } from './sentence'

const entry = (event: Entry['event'], more: Partial<Entry> = {}): Entry => ({
  number: 0,
  seq: 1,
  event,
  time: '2026-01-01T00:00:00Z',
  ...more,
})
const transfer = (more: Partial<Transfer>): Transfer => ({
  id: 't',
  kind: 'code',
  direction: 'received',
  state: 'running',
  created: '2026-01-01T00:00:00Z',
  bytes: 0,
  device: 'studio',
  ...more,
})
const text = (e: Entry) => plain(lineOf(e)?.sentence ?? [])

describe('sentences of the log', () => {
  test.each([
    [
      entry('waiting', { device: 'laptop', addresses: ['10.0.0.2:12121'] }),
      'Waiting for connections as laptop at 10.0.0.2:12121.',
    ],
    [entry('connected', { device: 'studio', address: '10.0.0.3:1' }), 'Connected to studio (10.0.0.3:1).'],
    [entry('file', { path: 'a/b.jpg' }), 'Received and verified a/b.jpg.'],
    [entry('file', { path: 'a.jpg', before: true }), 'Received a.jpg, of which some was here before.'],
    [
      entry('file', { path: 'a.jpg', before: true, renamed: 'b.jpg' }),
      'Received a.jpg, of which some was here before, saved as b.jpg.',
    ],
    [
      entry('file', { path: 'a.jpg', renamed: 'a (1).jpg' }),
      'Received and verified a.jpg, saved as a (1).jpg.',
    ],
    [entry('requested', { device: 'kim' }), 'kim asks for files.'],
    [entry('requested', { device: 'kim', kind: 'asked' }), 'Asked kim for files.'],
    [entry('testing', { device: 'kim' }), 'kim tests how fast it can receive from this device.'],
    [entry('tested', { device: 'kim' }), 'The speed test of kim is over.'],
    [entry('transfer', { of: transfer({}) }), 'Receiving from studio.'],
    [entry('transfer', { of: transfer({ direction: 'sent' }) }), 'Sending to studio.'],
    [
      entry('transfer', { of: transfer({ state: 'done', took: 12, out: '/in' }) }),
      'Received from studio and saved in /in: done in 12 sec. Thank you!',
    ],
    [
      entry('transfer', { of: transfer({ state: 'failed', error: { code: 'no_space', message: 'x' } }) }),
      'The transfer with studio has stopped: This machine has too little free space.',
    ],
  ])('%#', (e, want) => expect(text(e)).toBe(want))

  test('problems are told from the rest', () => {
    expect(lineOf(entry('warning', { reason: 'x' }))?.isProblem).toBe(true)
    expect(lineOf(entry('connected', { device: 'x' }))?.isProblem).toBe(false)
    expect(lineOf(entry('transfer', { of: transfer({ state: 'failed' }) }))?.isProblem).toBe(true)
  })

  test('names are shown as they are', () => {
    const line = lineOf(entry('asked', { device: '<img src=x>' }))
    expect(line?.sentence).toContainEqual({ name: '<img src=x>' })
  })
})

test('every event of the node has a sentence, or is known to need none', () => {
  const source = readFileSync(resolve(import.meta.dirname, '../../../../internal/node/event.go'), 'utf8')
  const kinds = [...source.matchAll(/Kind = "(\w+)"/g)].map((m) => m[1] ?? '')
  expect(kinds.length).toBeGreaterThan(25)
  const offer = { device: 'x', names: ['a'], files: 1, bytes: 1 }
  const silent = kinds.filter((kind) => !lineOf(entry(kind as Entry['event'], { of: transfer({}), offer })))
  expect(silent.sort()).toEqual(['bench', 'known', 'pairing', 'progress', 'run', 'sending'])
})
