import type { Failure } from '../api/types'
import { failures, unknownFailure, type FailureTexts } from './en/failures'

/** What this machine does in a transfer. */
export type Side = 'sent' | 'received'

export interface FailureText {
  title: string
  todo: string
  /** What the node says of it, in its own words. */
  detail: string
}

/** Puts a failure of a transfer, or of what has texts of its own, into words: what happened and what to do, by its code. */
export function failureText(f: Failure, side: Side, own: FailureTexts = {}): FailureText {
  // What is wrong with what somebody asked for, only the node can tell.
  if (f.code === 'usage') return { title: unknownFailure.title, todo: f.message, detail: '' }
  const row = own[f.code] ?? failures[f.code]
  if (!row) return { title: unknownFailure.title, todo: f.remedy || unknownFailure.todo, detail: f.message }
  const text = 'title' in row ? row : side === 'sent' ? row.send : row.receive
  return { ...text, detail: f.message }
}
