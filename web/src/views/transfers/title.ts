import type { Transfer } from '../../api/types'
import { t } from '../../text'
import { legible } from '../../text/legible'

/** What is transferred: names, and how many more there are. */
export function title(of: Transfer): string {
  const offer = of.offer
  if (!offer) return of.all_files ? t.transfers.files(of.all_files) : t.transfers.unnamed
  if (offer.text) return t.transfers.text
  return names(offer.names, offer.more ?? 0) || t.transfers.files(offer.files)
}

export function names(some: string[], more: number): string {
  return [some.map(legible).join(', '), more > 0 ? t.transfers.more(more) : ''].filter(Boolean).join(' ')
}
