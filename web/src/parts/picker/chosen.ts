/** A file or folder of the node's machine that somebody chose. */
export interface Chosen {
  path: string
  name: string
  dir: boolean
  /** in bytes; undefined when it is not known, as of folders */
  size: number | undefined
}

export interface Sum {
  files: number
  folders: number
  /** of all whose size is known, in bytes */
  bytes: number
  /** whether that is everything */
  whole: boolean
}

export function sum(chosen: Iterable<Chosen>): Sum {
  const s: Sum = { files: 0, folders: 0, bytes: 0, whole: true }
  for (const c of chosen) {
    if (c.dir) s.folders++
    else s.files++
    if (c.size === undefined) s.whole = false
    else s.bytes += c.size
  }
  return s
}

/** Adds what is not there yet. */
export function join(had: readonly Chosen[], more: readonly Chosen[]): Chosen[] {
  const paths = new Set(had.map((c) => c.path))
  return [...had, ...more.filter((c) => !paths.has(c.path))]
}
