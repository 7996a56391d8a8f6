import type { ListedFile } from '../../api/types'

/** A pattern that picks one path of an offer and nothing else: from the top, with nothing in it that stands for more. */
function exactly(path: string): string {
  return '/' + path.replace(/[\\*?[\]{}]/g, '\\$&')
}

/**
 * The patterns that pick the wanted files of an offer; undefined when all are wanted. A folder of which everything is
 * wanted is named in place of what is in it.
 */
export function patterns(files: readonly ListedFile[], unwanted: ReadonlySet<string>): string[] | undefined {
  if (unwanted.size === 0) return undefined
  const broken = new Set<string>() // folders of which something is not wanted
  for (const path of unwanted) for (const f of folders(path)) broken.add(f)
  const found = new Set<string>()
  for (const { path, dir } of files) {
    if (unwanted.has(path) || (dir && broken.has(path))) continue
    const whole = folders(path).find((f) => !broken.has(f))
    found.add(whole === undefined ? exactly(path) + (dir ? '/' : '') : exactly(whole) + '/')
  }
  return [...found]
}

/** The folders that a path is in, the outermost first. */
function folders(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'))
}

/** How much of an offer is wanted. */
export function count(
  files: readonly ListedFile[],
  unwanted: ReadonlySet<string>,
): { files: number; bytes: number } {
  const sum = { files: 0, bytes: 0 }
  for (const f of files) {
    if (f.dir || unwanted.has(f.path)) continue
    sum.files++
    sum.bytes += f.size
  }
  return sum
}

/** What is wrong with a name that somebody gives a file, or undefined. */
export function wrongName(name: string): 'empty' | 'slash' | undefined {
  if (name.trim() === '' || name === '.' || name === '..') return 'empty'
  if (/[/\\\0]/.test(name)) return 'slash'
  return undefined
}

/** A path as that of a folder, also of one that is not there yet: else it would be a single file's new name. */
export function asFolder(path: string): string {
  return `${path.trim().replace(/[/\\]+$/, '')}/`
}
