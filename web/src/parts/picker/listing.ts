import type { FolderEntry } from '../../api/types'

export const kinds = ['all', 'picture', 'video', 'audio'] as const
export type Kind = (typeof kinds)[number]

export const columns = ['name', 'size', 'modified'] as const
export type Column = (typeof columns)[number]

export interface Wish {
  kind: Kind
  /** Part of the name, in any case. */
  text: string
  hidden: boolean
  /** Whether files are shown beside folders. */
  files: boolean
  by: Column
  down: boolean
}

// Compares as people count: "take 2" comes before "take 10".
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** Compares names in natural order; names that differ in case alone still have an order. */
export function byName(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)
}

/** The entries of a folder that are to be seen, in their order. Folders come first whichever way it goes. */
export function listing(entries: readonly FolderEntry[], wish: Wish): FolderEntry[] {
  const text = wish.text.trim().toLowerCase()
  const sign = wish.down ? -1 : 1
  return entries
    .filter(
      (e) =>
        (wish.hidden || !e.hidden) &&
        (e.dir || (wish.files && (wish.kind === 'all' || e.kind === wish.kind))) &&
        (text === '' || e.name.toLowerCase().includes(text)),
    )
    .sort((a, b) => {
      if (a.dir !== b.dir) return a.dir ? -1 : 1
      const first =
        wish.by === 'size' && !a.dir
          ? a.size - b.size
          : wish.by === 'modified'
            ? Date.parse(a.modified) - Date.parse(b.modified)
            : 0
      return sign * (first || byName(a.name, b.name))
    })
}
