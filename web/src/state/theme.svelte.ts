/** What the user chose; "system" follows the machine. */
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const key = 'lanyard-theme'

function stored(): Theme {
  const value = localStorage.getItem(key)
  return themes.find((t) => t === value) ?? 'system'
}

let chosen = $state<Theme>(stored())

export function theme(): Theme {
  return chosen
}

export function setTheme(to: Theme): void {
  chosen = to
  localStorage.setItem(key, to)
  applyTheme()
}

export function applyTheme(): void {
  if (chosen === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = chosen
}
