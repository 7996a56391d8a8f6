/** Rows of a long list that are drawn: from first up to, not including, end. */
export interface Span {
  first: number
  end: number
}

/** Which of count rows of one height are in sight, with some more on either side. All lengths are in pixels. */
export function inSight(count: number, row: number, scrolled: number, height: number, spare: number): Span {
  const first = Math.max(0, Math.floor(scrolled / row) - spare)
  const end = Math.min(count, Math.ceil((scrolled + height) / row) + spare)
  return { first: Math.min(first, Math.max(0, end - 1)), end: Math.max(end, 0) }
}
