import { expect, test, vi } from 'vitest'

vi.stubGlobal('window', { addEventListener: () => undefined })
const { href, parse, views } = await import('./route.svelte')

test('an address names a view and what is shown in it', () => {
  for (const view of views) expect(parse(href(view))).toEqual({ view, rest: '' })
  for (const rest of ['id', 'a/b', '50 %', 'घर #1', '%25']) {
    expect(parse(href('transfers', rest))).toEqual({ view: 'transfers', rest })
  }
})

test('an address that names nothing leads to sending', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#send', '#//speed']) {
    expect(parse(hash)).toEqual({ view: 'send', rest: expect.any(String) as string })
  }
})

test('a broken address leads to its view', () => {
  for (const broken of ['%', '%2', '%zz', '%ff', '%E0%A4%A', 'a%', '%/%']) {
    expect(parse(`#/transfers/${broken}`)).toEqual({ view: 'transfers', rest: '' })
  }
  expect(parse('#/%/x')).toEqual({ view: 'send', rest: 'x' })
  expect(parse('#/send/%')).toEqual({ view: 'send', rest: '' })
})
