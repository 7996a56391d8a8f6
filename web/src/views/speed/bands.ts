import type { BenchRun } from '../../api/types'

/** Round values from 0 to the first one that is at least most, some four steps apart. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0, 1]
  const power = 10 ** Math.floor(Math.log10(most / 4))
  const step = power * ([1, 2, 2.5, 5].find((s) => s * power * 4 >= most * 0.999) ?? 10)
  const values = [0]
  while ((values.at(-1) ?? 0) < most * 0.999) values.push(values.length * step)
  return values
}

/** The highest rate of all streams together. */
export function most(run: BenchRun): number {
  return Math.max(0, ...run.over_time.map((s) => s.rates.reduce((a, b) => a + b, 0)))
}

/**
 * The streams of a run on top of each other, each the path of an SVG of the given size: rates up to top, and all of its
 * time. A sample holds from the one before it on.
 */
export function bands(run: BenchRun, top: number, width: number, height: number): string[] {
  const samples = run.over_time
  const end = samples.at(-1)?.at ?? 0
  if (end <= 0 || top <= 0) return []
  const x = samples.map((s) => round((s.at / end) * width))
  const streams = Math.max(0, ...samples.map((s) => s.rates.length))
  let below = samples.map(() => 0)
  const paths: string[] = []
  for (let i = 0; i < streams; i++) {
    const above = samples.map((s, k) => (below[k] ?? 0) + (s.rates[i] ?? 0))
    const y = (rates: number[]) => rates.map((rate) => round(height - (rate / top) * height))
    paths.push(band(x, y(above), y(below)))
    below = above
  }
  return paths
}

/** The area between two lines of steps, each of which ends at its x. */
function band(x: number[], above: number[], below: number[]): string {
  let path = `M0 ${below[0]}`
  x.forEach((at, k) => (path += `V${above[k]}H${at}`))
  for (let k = x.length - 1; k >= 0; k--) path += `V${below[k]}H${k > 0 ? x[k - 1] : 0}`
  return `${path}Z`
}

const round = (n: number) => Math.round(n * 100) / 100
