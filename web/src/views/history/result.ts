import type { Entry } from '../../api/types'
import { t } from '../../text'

/** How an entry ended, in a word or two. */
export function resultText(e: Entry): string {
  return e.result === 'done' ? t.history.done : (t.history.results[e.result] ?? t.history.failed)
}
