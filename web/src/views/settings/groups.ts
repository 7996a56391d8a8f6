import type { Setting } from '../../api/types'
import type { t } from '../../text'

type Group = keyof typeof t.settings.groups

const order: [Group, string[]][] = [
  ['device', ['name']],
  ['receiving', ['inbox', 'streams']],
  ['speed', ['limit_up', 'limit_down', 'at_once']],
  ['network', ['port', 'bind', 'device']],
  ['history', ['keep_days']],
  ['page', ['page_bind', 'page_port']],
]

/** The settings by what they are about, in the order in which they are shown; what is in no group comes last. */
export function grouped(all: Setting[]): { group: Group; settings: Setting[] }[] {
  const named = new Set(order.flatMap(([, names]) => names))
  const groups = order.map(([group, names]) => ({
    group,
    settings: names.flatMap((name) => all.find((s) => s.name === name) ?? []),
  }))
  groups.push({ group: 'more', settings: all.filter((s) => !named.has(s.name)) })
  return groups.filter((g) => g.settings.length > 0)
}

/** Settings that are whole numbers. */
export const numbers = new Set(['streams', 'at_once', 'port', 'keep_days', 'page_port'])

/** Settings that are one of a few values. */
export const choices: Record<string, string[]> = { log: ['text', 'json'] }
