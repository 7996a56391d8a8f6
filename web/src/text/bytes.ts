const powers: Record<string, number> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}

/** Reads a size as people write it, "20GB" or "1.5 TiB", in bytes; undefined for what is none. The node takes 1 to 1000 TB. */
export function readSize(text: string): number | undefined {
  const parts = /^(\d+(?:[.,]\d+)?)\s*([kmgt]?i?)b$/i.exec(text.trim())
  const power = powers[parts?.[2]?.toLowerCase() ?? '?']
  if (!parts?.[1] || power === undefined) return undefined
  const bytes = Math.floor(Number(parts[1].replace(',', '.')) * power)
  return bytes >= 1 && bytes <= 1e15 ? bytes : undefined
}

/** Writes a size so that readSize reads the same: "20GB", "1234567B". */
export function writeSize(bytes: number): string {
  for (const [power, unit] of [
    [1e12, 'TB'],
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ] as const) {
    if (bytes >= power && (bytes * 1000) % power === 0) return `${bytes / power}${unit}`
  }
  return `${bytes}B`
}
