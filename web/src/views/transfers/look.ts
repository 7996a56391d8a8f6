import type { Transfer } from '../../api/types'
import { t } from '../../text'
import { say, type Sentence } from '../../text/say'

/** Whether nothing comes after it. */
export function isOver(of: Transfer): boolean {
  return of.state === 'done' || of.state === 'declined' || of.state === 'cancelled'
}

/** Those under way first, the newest first in each part. */
export function sorted(all: Transfer[]): { underWay: Transfer[]; over: Transfer[] } {
  const newest = [...all].sort((a, b) => Date.parse(b.created) - Date.parse(a.created))
  return { underWay: newest.filter((o) => !isOver(o)), over: newest.filter(isOver) }
}

/** How far it is, from 0 to 1; undefined when that is not known. */
export function part(of: Transfer): number | undefined {
  if (of.state === 'done') return 1
  return of.total ? Math.min(1, of.bytes / of.total) : undefined
}

/** The other side: "To studio". */
export function otherSide(of: Transfer): Sentence {
  if (of.kind === 'share' && of.state !== 'running') return say`${t.transfers.nobody}`
  const name = of.device || of.address
  if (!name) return []
  return of.direction === 'sent' ? t.transfers.to(name) : t.transfers.from(name)
}

/** How it stands, in words. */
export function stateText(of: Transfer): string {
  const s = t.transfers.states
  switch (of.state) {
    case 'asking':
      return of.kind === 'given' ? s.request : s.answer
    case 'waiting':
      if (of.kind === 'share') return s.receivers
      if (of.kind === 'asked') return s.chosen
      return of.kind === 'push' && !of.error ? s.accept : s.waiting
    case 'queued':
      return s.queued
    case 'running':
      return of.direction === 'sent' ? s.sending : s.receiving
    case 'paused':
      return s.paused
    case 'failed':
      return s.failed
    case 'declined':
      return s.declined
    case 'cancelled':
      return s.cancelled
    default:
      if (of.kind === 'share') return of.receivers ? s.shared(of.receivers) : s.unshared
      if (of.uncompared) return s.doneUncompared(of.uncompared)
      return of.took ? s.doneIn(of.took) : s.done
  }
}

/** What may be done with it now. */
export interface Actions {
  answer: boolean
  pause: boolean
  resume: boolean
  /** Whether going on is another try. */
  again: boolean
  cancel: boolean
}

export function actions(of: Transfer): Actions {
  return {
    answer: of.state === 'asking',
    pause: of.state === 'running' || of.state === 'waiting' || of.state === 'queued',
    resume: of.state === 'paused' || of.state === 'failed' || (of.state === 'waiting' && !!of.error),
    again: of.state !== 'paused',
    cancel: !isOver(of) && of.state !== 'asking',
  }
}

/** What is said aloud of its progress: it changes at quarters only. */
export function quarter(of: Transfer): number | undefined {
  const done = part(of)
  return of.state === 'running' && done !== undefined ? Math.floor(done * 4) / 4 : undefined
}
