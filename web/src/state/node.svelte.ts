import { api, Refusal, take } from '../api/client'
import { follow, type Connection } from '../api/events'
import type { Bench, Device, Meeting, NodeState, Notice, Pairing, Transfer } from '../api/types'
import { log } from './log.svelte'
import { keepRates, sample } from './rates.svelte'

/** How often at most something is asked anew because of notices, in milliseconds. */
const calm = 300

function isNoted(t: Transfer): boolean {
  return t.kind === 'offered' && t.state === 'waiting' && t.words !== undefined && !t.offer
}

/** What the running node is and does at the moment, kept up to date by its notices. */
export class LiveNode {
  connection = $state<Connection>('connecting')
  info = $state<NodeState['node']>()
  transfers = $state<Transfer[]>([])
  devices = $state<Device[]>([])
  trust = $state<Meeting | null>(null)
  pairing = $state<Pairing | null>(null)
  /** The speed test that is under way, or the last one. */
  bench = $state.raw<Bench | null>(null)
  limits = $state({ up: 0, down: 0 })
  /** Whether dialogs can be shown and folders opened on the screen of the node's machine. */
  desktop = $state(false)
  /** Whether there is anything to show yet. */
  ready = $state(false)

  private seq = 0
  private early: Notice[] | null = [] // that came before the state did
  private stop: AbortController | undefined
  private timers = new Map<string, ReturnType<typeof setTimeout>>()

  /** Follows the node until close, or until it says that nobody is signed in. */
  async open(signedOut: () => void): Promise<void> {
    this.close()
    const stop = (this.stop = new AbortController())
    this.early = []
    for (let pause = 500; !stop.signal.aborted; pause = Math.min(2 * pause, 5000)) {
      try {
        await this.look()
        break
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) return
        this.connection = 'reconnecting'
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
    if (stop.signal.aborted) return
    void follow(
      () => this.seq,
      stop.signal,
      ({ notices, connection }) => {
        if (connection) {
          this.connection = connection
          if (connection !== 'connecting') log.answers(connection === 'live')
        }
        for (const n of notices ?? []) this.hear(n)
      },
      signedOut,
    )
  }

  close(): void {
    this.stop?.abort()
    this.timers.forEach((timer) => clearTimeout(timer))
    this.timers.clear()
    this.ready = false
  }

  /** Reads everything anew. */
  async look(): Promise<void> {
    this.early ??= []
    const state = await take(api.GET('/api/v1/state'))
    this.seq = state.seq
    this.info = state.node
    this.transfers = state.transfers
    keepRates(state.transfers)
    this.devices = state.devices
    this.trust = state.trust ?? null
    this.pairing = state.pairing ?? null
    this.bench = state.bench
    this.limits = state.limits
    this.desktop = state.desktop
    this.ready = true
    const early = this.early ?? []
    this.early = null
    for (const n of early) this.hear(n)
  }

  /** Takes a notice. */
  hear(n: Notice): void {
    if (n.event === 'missed') {
      this.seq = Math.max(this.seq, n.seq)
      this.soon('state', () => this.look())
      return
    }
    if (this.early) {
      this.early.push(n)
      return
    }
    if (n.seq <= this.seq) return
    this.seq = n.seq
    log.add(
      n,
      this.transfers.find((t) => t.id === n.transfer),
    )
    switch (n.event) {
      case 'transfer':
        if (n.of) this.put(n.of)
        break
      case 'asked':
        this.soon('offers', () => this.lookAtOffers())
        break
      case 'trust':
      case 'agreed':
        this.soon('trust', async () => (this.trust = (await take(api.GET('/api/v1/trust'))).asked ?? null))
        break
      case 'trusted':
        this.soon('trust', async () => (this.trust = (await take(api.GET('/api/v1/trust'))).asked ?? null))
        this.lookAtDevices()
        break
      case 'seen':
      case 'gone':
      case 'known':
        this.lookAtDevices()
        break
      case 'pairing':
        this.soon('pairing', () => this.lookAtPairing())
        break
      case 'bench':
        this.soon('bench', () => this.lookAtBench())
        break
    }
  }

  private lookAtDevices(): void {
    this.soon('devices', async () => (this.devices = (await take(api.GET('/api/v1/devices'))).devices))
  }

  /**
   * Finds the offers of which only the words are known, as their senders compare them. They become transfers of other
   * IDs when that is done, and nothing tells when it is given up.
   */
  async lookAtOffers(): Promise<void> {
    const { transfers } = await take(api.GET('/api/v1/transfers'))
    const there = transfers.filter(isNoted)
    this.transfers = [
      ...this.transfers.filter((t) => !isNoted(t) || there.some((o) => o.id === t.id)),
      ...there.filter((o) => !this.transfers.some((t) => t.id === o.id)),
    ]
  }

  async lookAtPairing(): Promise<void> {
    this.pairing = (await take(api.GET('/api/v1/pairing'))).pairing ?? null
  }

  async lookAtBench(): Promise<void> {
    this.bench = (await take(api.GET('/api/v1/bench'))).bench
  }

  /** Enters a transfer as it is now. Notices carry no codes: what is known of one stays. */
  put(t: Transfer): void {
    const at = this.transfers.findIndex((other) => other.id === t.id)
    if (at < 0) {
      if (t.kind === 'offered' && t.words) {
        this.transfers = this.transfers.filter((o) => !isNoted(o) || o.words !== t.words)
      }
      this.transfers.push(t)
    } else {
      const had = this.transfers[at]
      this.transfers[at] = { ...t, ...(had?.code && !t.code ? { code: had.code } : {}) }
    }
    if (t.kind === 'share' && !this.transfers.find((o) => o.id === t.id)?.code) {
      this.soon(`code ${t.id}`, async () =>
        this.put(await take(api.GET('/api/v1/transfers/{id}', { params: { path: { id: t.id } } }))),
      )
    }
    sample(t)
  }

  /** Does something that notices ask for, once for all that come within moments. */
  private soon(what: string, f: () => Promise<unknown>): void {
    if (this.timers.has(what)) return
    this.timers.set(
      what,
      setTimeout(() => {
        this.timers.delete(what)
        // A node that does not answer now has its stream broken too, and everything is read anew after that.
        f().catch(() => this.soon('state', () => this.look()))
      }, calm),
    )
  }
}

export const node = new LiveNode()
