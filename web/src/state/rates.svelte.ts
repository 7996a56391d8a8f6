import type { Transfer } from '../api/types'

/** Seconds that a chart reaches back. */
export const span = 300

export interface Rates {
  times: number[] // seconds since 1970
  rates: number[] // bytes a second
}

const kept = $state<Record<string, Rates>>({})

/** The rate of a transfer over the last minutes, by the second, as far as this page has seen it. */
export function ratesOf(id: string): Rates {
  return kept[id] ?? { times: [], rates: [] }
}

/** Notes how fast a transfer is now, at most once a second. */
export function sample(t: Transfer, now = Date.now()): void {
  const time = Math.floor(now / 1000)
  const had = kept[t.id]
  if (t.state !== 'running' && !had) return
  const { times, rates } = had ?? { times: [], rates: [] }
  if (times.at(-1) === time) {
    kept[t.id] = { times, rates: [...rates.slice(0, -1), t.rate ?? 0] }
    return
  }
  kept[t.id] = { times: [...times, time].slice(-span), rates: [...rates, t.rate ?? 0].slice(-span) }
}
