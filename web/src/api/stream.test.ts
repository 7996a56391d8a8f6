import { expect, test } from 'vitest'
import { Parser } from './stream'

const whole = ': hello\n\nid: 7\ndata: {"a":1}\n\nid: 8\ndata: one\ndata: two\n\n: still here\n\ndata:  x\n\n'
const messages = [
  { id: '7', data: '{"a":1}' },
  { id: '8', data: 'one\ntwo' },
  { id: '8', data: ' x' },
]

test('a stream is read alike however it is cut', () => {
  for (let length = 1; length <= whole.length; length++) {
    const parser = new Parser()
    const found = []
    for (let at = 0; at < whole.length; at += length) found.push(...parser.feed(whole.slice(at, at + length)))
    expect(found, `pieces of ${length}`).toEqual(messages)
  }
})

test('what has not ended is not told', () => expect(new Parser().feed('id: 9\ndata: x\n')).toEqual([]))
