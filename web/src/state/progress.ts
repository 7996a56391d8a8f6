import type { Transfer } from '../api/types'

/** How far all transfers that are under way are, from 0 to 1; undefined when none is. */
export function progressOf(transfers: Transfer[]): number | undefined {
  let bytes = 0
  let total = 0
  for (const t of transfers) {
    if (t.state !== 'running' || !t.total) continue
    bytes += Math.min(t.bytes, t.total)
    total += t.total
  }
  return total > 0 ? bytes / total : undefined
}
