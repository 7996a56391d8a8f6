/** A file that was dropped, under the path that it had below what was dropped. */
export interface DroppedFile {
  path: string
  file: File
}

/** Takes out of a drop all that can be read only while the browser tells of it. */
export function takeEntries(data: DataTransfer): (FileSystemEntry | File)[] {
  return [...data.items]
    .filter((item) => item.kind === 'file')
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile())
    .filter((e) => e !== null)
}

/** Finds all files of what was dropped, folders too, until signal aborts it. */
export async function readTree(
  entries: readonly (FileSystemEntry | File)[],
  signal: AbortSignal,
): Promise<DroppedFile[]> {
  const found: DroppedFile[] = []
  async function visit(entry: FileSystemEntry | File, above: string): Promise<void> {
    signal.throwIfAborted()
    if (entry instanceof File) {
      found.push({ path: above + entry.name, file: entry })
    } else if (entry.isFile) {
      const file = await new Promise<File>((done, failed) =>
        (entry as FileSystemFileEntry).file(done, failed),
      )
      found.push({ path: above + entry.name, file })
    } else {
      const reader = (entry as FileSystemDirectoryEntry).createReader()
      for (;;) {
        // A browser gives a folder in parts, a hundred entries each; an empty one is the end.
        const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed))
        if (part.length === 0) break
        for (const e of part) await visit(e, `${above}${entry.name}/`)
      }
    }
  }
  for (const e of entries) await visit(e, '')
  return distinct(found)
}

/** Gives files of one path, as two folders of one name may have, names of their own: "a.txt", "a (2).txt". */
export function distinct(files: readonly DroppedFile[]): DroppedFile[] {
  const taken = new Set<string>()
  return files.map(({ path, file }) => {
    const dot = path.lastIndexOf('.')
    const stem = dot > path.lastIndexOf('/') + 1 ? dot : path.length
    let free = path
    for (let n = 2; taken.has(free); n++) free = `${path.slice(0, stem)} (${n})${path.slice(stem)}`
    taken.add(free)
    return { path: free, file }
  })
}

/** The topmost names of what was dropped, folders with "/" at their end, and what each holds. */
export function tops(files: readonly { path: string; size: number }[]): { name: string; size: number }[] {
  const found = new Map<string, number>()
  for (const { path, size } of files) {
    const slash = path.indexOf('/')
    const name = slash < 0 ? path : path.slice(0, slash + 1)
    found.set(name, (found.get(name) ?? 0) + size)
  }
  return [...found].map(([name, size]) => ({ name, size }))
}
