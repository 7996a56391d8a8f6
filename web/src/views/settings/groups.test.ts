import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { Setting } from '../../api/types'
import { t } from '../../text'
import { grouped } from './groups'

const setting = (name: string): Setting => ({
  name,
  value: '',
  default: '',
  about: '',
  source: 'default',
  origin: '',
  fixed: false,
  restart: false,
})

test('each setting is shown once, what nobody knows of at the end', () => {
  const groups = grouped(['new_one', 'port', 'name', 'inbox'].map(setting))
  expect(groups.map((g) => [g.group, g.settings.map((s) => s.name)])).toEqual([
    ['device', ['name']],
    ['receiving', ['inbox']],
    ['network', ['port']],
    ['more', ['new_one']],
  ])
})

test('every setting of the node has words', () => {
  const table = readFileSync(resolve(import.meta.dirname, '../../../../internal/settings/table.go'), 'utf8')
  const keys = [...table.matchAll(/^\t\tName: "(\w+)"/gm)].map((m) => m[1] ?? '')
  expect(keys.length).toBeGreaterThan(10)
  expect(keys.filter((key) => !(key in t.settings.fields))).toEqual([])
})
