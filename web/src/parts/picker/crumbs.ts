export interface Crumb {
  name: string
  path: string
}

/**
 * Takes an absolute path apart into the folders from the root down to it: "/home/asha", `C:\Users\asha`, or
 * `\\server\share\films`, whose root is the share.
 */
export function crumbs(path: string): Crumb[] {
  const root = /^(?:[A-Za-z]:[\\/]?|\\\\[^\\]+\\[^\\]+\\?|\/)/.exec(path)?.[0] ?? ''
  const separator = path.startsWith('/') ? '/' : '\\'
  const found: Crumb[] = root ? [{ name: root === '/' ? root : root.replace(/\\$/, ''), path: root }] : []
  let at = root
  for (const name of path.slice(root.length).split(separator)) {
    if (!name) continue
    at += (at === '' || at.endsWith(separator) ? '' : separator) + name
    found.push({ name, path: at })
  }
  return found
}

/** The path of what is called name in a folder. */
export function within(folder: string, name: string): string {
  const separator = folder.startsWith('/') ? '/' : '\\'
  return folder.endsWith(separator) ? folder + name : folder + separator + name
}
