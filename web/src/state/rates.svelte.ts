import type { Transfer } from '../api/types'

/** Seconds that a chart reaches back. */
export const span = 300

export interface Rates {
  times: number[] // seconds since 1970
  rates: number[] // bytes a second
}

const none: Rates = { times: [], rates: [] }

let kept = $state.raw<Record<string, Rates>>({})

/** The rate of a transfer over the last minutes, by the second, as far as this page has seen it. */
export function ratesOf(id: string): Rates {
  return kept[id] ?? none
}

/** Notes how fast a transfer is now, at most once a second. One that does not run is 0 once, and then no more. */
export function sample(t: Transfer, now = Date.now()): void {
  const time = Math.floor(now / 1000)
  const { times, rates } = ratesOf(t.id)
  const rate = t.state === 'running' ? (t.rate ?? 0) : 0
  if (t.state !== 'running' && (times.length === 0 || rates.at(-1) === 0)) return
  const isSame = times.at(-1) === time
  kept = {
    ...kept,
    [t.id]: {
      times: isSame ? times : [...times, time].slice(-span),
      rates: isSame ? [...rates.slice(0, -1), rate] : [...rates, rate].slice(-span),
    },
  }
}

/** Forgets those that are not among these any more. */
export function keepRates(of: Transfer[]): void {
  const ids = new Set(of.map((t) => t.id))
  kept = Object.fromEntries(Object.entries(kept).filter(([id]) => ids.has(id)))
}
