import type { Transfer } from '../../api/types'
import type { Entry } from '../../state/log.svelte'
import { t } from '../../text'
import { failureText } from '../../text/failures'
import type { Sentence } from '../../text/say'
import { names } from '../transfers/title'

export interface Line {
  sentence: Sentence
  isProblem: boolean
}

const fine = (sentence: Sentence | string): Line => ({
  sentence: typeof sentence === 'string' ? [sentence] : sentence,
  isProblem: false,
})
const problem = (sentence: Sentence | string): Line => ({ ...fine(sentence), isProblem: true })

/** What an entry of the log says; undefined for what a person need not know. */
export function lineOf(e: Entry): Line | undefined {
  const l = t.history.log
  if (e.event === 'node_lost') return problem(l.lostNode)
  if (e.event === 'node_found') return fine(l.foundNode)
  const name = e.device || e.address || l.somebody
  const why = e.reason ?? ''
  switch (e.event) {
    case 'waiting':
      if (e.offer) return fine(l.sharing(names(e.offer.names, e.offer.more ?? 0)))
      return fine(
        e.addresses?.length ? l.begunAt(e.device ?? '', e.addresses.join(', ')) : l.begun(e.device ?? ''),
      )
    case 'offered':
      return fine(l.offered(name))
    case 'requested':
      return fine(e.kind === 'asked' ? l.askedFor(name) : l.asks(name))
    case 'accepted':
      return fine(l.accepted(name))
    case 'resting':
      return fine(l.resting(name))
    case 'code':
      return problem(l.newCode)
    case 'skipped':
      return problem(l.skipped(e.path ?? '', why))
    case 'received':
      return fine(l.given(name, e.seconds ?? 0, e.rate ?? 0))
    case 'refused':
      return problem(l.refused(name, why))
    case 'declined':
      return problem(l.declined(name))
    case 'trouble':
      return problem(l.trouble(name, why))
    case 'connected':
      return fine(e.device && e.address ? l.connectedAt(e.device, e.address) : l.connected(name))
    case 'trust':
      return fine(l.trust(name))
    case 'agreed':
      return fine(l.agreed(name))
    case 'trusted':
      return fine(l.trusted(name))
    case 'testing':
      return fine(l.testing(name))
    case 'tested':
      return fine(l.tested(name))
    case 'warning':
      return problem(l.warning(why))
    case 'failed':
      return problem(l.failed(e.path ?? '', why))
    case 'asked':
      return fine(l.asked(name))
    case 'looking':
      return fine(why ? l.lookingWhere(why) : l.looking)
    case 'offer':
      return e.offer ? fine(l.offer(e.device || e.offer.device, e.offer.files, e.offer.bytes)) : undefined
    case 'file':
      if (e.before)
        return fine(e.renamed ? l.fileBeforeAs(e.path ?? '', e.renamed) : l.fileBefore(e.path ?? ''))
      return fine(e.renamed ? l.fileAs(e.path ?? '', e.renamed) : l.file(e.path ?? ''))
    case 'lost':
      return problem(l.lost(e.seconds ?? 0))
    case 'back':
      return fine(e.device ? l.backAt(e.device) : l.back)
    case 'seen':
      return fine(l.seen(name))
    case 'gone':
      return fine(l.gone(name))
    case 'missed':
      return problem(l.missed)
    case 'transfer':
      return e.of ? transferLine(e.of) : undefined
  }
  return undefined
}

/** How a transfer stands, when that has changed. */
function transferLine(of: Transfer): Line | undefined {
  const l = t.history.log
  const other = of.device || of.address || l.somebody
  const name = of.kind === 'share' && of.state !== 'running' ? l.anybody : other
  const why = of.error ? failureText(of.error, of.direction).title : ''
  switch (of.state) {
    case 'waiting':
      return why ? problem(l.waitingWhy(name, why)) : fine(l.waiting(name))
    case 'queued':
      return fine(l.queued(name))
    case 'running':
      return fine(of.direction === 'sent' ? l.sending(name) : l.receiving(name))
    case 'paused':
      return fine(l.paused(name))
    case 'failed':
      return problem(l.stopped(name, why))
    case 'declined':
      return problem(l.transferDeclined(name))
    case 'cancelled':
      if (of.kind === 'share') return fine(l.shareStopped)
      return of.error ? problem(l.calledOff(name)) : fine(l.cancelled(name))
    case 'done': {
      if (of.kind === 'share') return fine(l.shareOver)
      const isSent = of.direction === 'sent'
      if (!of.took) return fine(isSent ? l.sentTo(name) : l.receivedFrom(name))
      if (isSent) return fine(l.sentIn(name, of.took))
      return fine(of.out ? l.receivedInto(name, of.took, of.out) : l.receivedIn(name, of.took))
    }
  }
  return undefined // of what waits for an answer its own event tells
}
