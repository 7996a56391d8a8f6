/** The views that an address names, as "#/send". */
export const views = ['send', 'receive', 'transfers', 'history', 'devices', 'speed', 'settings'] as const
export type View = (typeof views)[number]

export interface Route {
  view: View
  /** What follows the view: "#/transfers/ID". */
  rest: string
}

export function parse(hash: string): Route {
  const [, view = '', ...rest] = hash.split('/')
  return { view: views.find((v) => v === view) ?? 'send', rest: decoded(rest.join('/')) }
}

/** What was written by encodeURIComponent; what was not, and cannot be read, counts as nothing: the view itself shows. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

let current = $state<Route>(parse(location.hash))

window.addEventListener('hashchange', () => (current = parse(location.hash)))

export function route(): Route {
  return current
}

export function href(view: View, rest = ''): string {
  return `#/${view}${rest ? `/${encodeURIComponent(rest)}` : ''}`
}

export function go(view: View, rest = ''): void {
  location.hash = href(view, rest)
}
