import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { failures } from './en/failures'
import { speed } from './en/speed'
import { failureText } from './failures'

/** The codes of the node, from its own table. */
const table = readFileSync(resolve(import.meta.dirname, '../../../internal/wire/errors.go'), 'utf8')
const codes = [...table.matchAll(/Failure\{"(\w+)"/g)].map((m) => m[1] ?? '')

test('every failure of the node has words', () => {
  expect(codes.length).toBeGreaterThan(20)
  expect(codes.filter((code) => code !== 'usage' && !(code in failures))).toEqual([])
})

test('no words are for a failure that there is not', () => {
  expect(Object.keys(failures).filter((code) => !codes.includes(code))).toEqual([])
})

test('the words fit what this machine does', () => {
  const f = { code: 'no_space', message: 'write: no space left' }
  expect(failureText(f, 'received').title).toContain('This machine')
  expect(failureText(f, 'sent').title).toContain('other device')
  expect(failureText(f, 'sent').detail).toBe(f.message)
})

test('what is not known is told as the node tells it', () => {
  const text = failureText({ code: 'from_the_future', message: 'a flux', remedy: 'Wait.' }, 'sent')
  expect(text.todo).toBe('Wait.')
  expect(text.detail).toBe('a flux')
})

test('what is no transfer has words of its own', () => {
  const f = { code: 'source_lost', message: 'connection reset' }
  expect(failureText(f, 'received', speed.failures)).toEqual({
    ...speed.failures['source_lost'],
    detail: 'connection reset',
  })
  expect(failureText({ ...f, code: 'version' }, 'received', speed.failures).title).toContain('versions')
  expect(Object.keys(speed.failures).filter((code) => !codes.includes(code))).toEqual([])
})
