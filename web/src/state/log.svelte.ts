import type { Notice, Transfer } from '../api/types'

/** Entries that the log keeps; the oldest go first. */
const most = 2000

/** Kinds that come many times a second and say nothing that a person would look up. */
const passing = new Set<string>(['progress', 'sending', 'run', 'pairing', 'bench', 'known'])

/** A notice of the node, or what this page itself saw of it. */
export interface Entry extends Omit<Notice, 'event'> {
  /** Counts the entries. */
  number: number
  event: Notice['event'] | 'node_lost' | 'node_found'
  /** Of the transfer that it is about. */
  kind?: Transfer['kind'] | undefined
}

/** What has happened since the page was opened. */
export class Log {
  entries = $state.raw<Entry[]>([])
  private stood = new Map<string, string>()
  private isLost = false
  private here = new Set<string>() // IDs of devices
  private count = 0

  /** Adds a notice, of a transfer that is listed or not. */
  add(n: Notice, of: Transfer | undefined): void {
    if (passing.has(n.event)) return
    if (n.event === 'transfer') {
      if (!n.of) return
      const stands = `${n.of.state} ${n.of.error?.code ?? ''}`
      if (this.stood.get(n.of.id) === stands) return
      this.stood.set(n.of.id, stands)
    }
    // Of a device that is here it is said when its addresses change, too.
    if (n.event === 'seen' && this.here.has(n.device_id ?? '')) return
    if (n.event === 'seen') this.here.add(n.device_id ?? '')
    if (n.event === 'gone') this.here.delete(n.device_id ?? '')
    this.push({ ...n, kind: of?.kind })
  }

  /** Tells whether the node answers; only changes are noted. */
  answers(does: boolean): void {
    if (this.isLost !== does) return
    this.isLost = !does
    this.push({ seq: 0, event: does ? 'node_found' : 'node_lost', time: new Date().toISOString() })
  }

  private push(e: Omit<Entry, 'number'>): void {
    this.entries = [...this.entries, { ...e, number: this.count++ }].slice(-most)
  }
}

export const log = new Log()
