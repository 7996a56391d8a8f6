import type { Notice } from '../api/types'

/** Notices that the log keeps; the oldest go first. */
const most = 2000

/** Kinds that come many times a second and say nothing that a person would look up. */
const passing = new Set<string>(['progress', 'sending', 'run', 'pairing', 'known'])

/** What has happened since the page was opened. */
class Log {
  entries = $state.raw<Notice[]>([])
  private states = new Map<string, string>()

  add(n: Notice): void {
    if (passing.has(n.event)) return
    if (n.event === 'transfer' && n.of) {
      if (this.states.get(n.of.id) === n.of.state) return
      this.states.set(n.of.id, n.of.state)
    }
    this.entries = [...this.entries, n].slice(-most)
  }

  clear(): void {
    this.entries = []
  }
}

export const log = new Log()
