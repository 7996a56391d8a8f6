/** Numbers, sizes and times as this language writes them. */

const language = navigator.language

const whole = new Intl.NumberFormat(language)
const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const

export function number(n: number): string {
  return whole.format(n)
}

/** A size in bytes, in powers of 1000 as disks are sold: "48.3 GB". */
export function size(bytes: number): string {
  let at = 0
  let value = bytes
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000
    at++
  }
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: units[at] ?? 'byte',
    unitDisplay: at === 0 ? 'long' : 'short',
    maximumFractionDigits: at < 2 || value >= 100 ? 0 : 1,
  }).format(value)
}

/** A rate in bytes a second: "112 MB/s". */
export function rate(bytes: number): string {
  return `${size(bytes)}/s`
}

/** A share of a whole from 0 to 1. */
export function percent(part: number): string {
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }).format(
    Math.floor(part * 100) / 100,
  )
}

/** Writes rates up to most in the one unit that fits that, which is told apart, as beside an axis: "118" and "MB/s". */
export function inOneUnit(most: number): { unit: string; text: (bytes: number) => string } {
  const at = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, most)) / 3)))
  const unit = new Intl.NumberFormat(language, {
    style: 'unit',
    unit: units[at] ?? 'byte',
    unitDisplay: 'short',
  })
    .formatToParts(0)
    .find((part) => part.type === 'unit')
  const format = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 })
  return { unit: `${unit?.value ?? ''}/s`, text: (bytes) => format.format(bytes / 1000 ** at) }
}

/** How many times one rate is another: "1.3", "12.4", "118". */
export function times(ratio: number): string {
  return new Intl.NumberFormat(language, {
    minimumFractionDigits: ratio < 99.95 ? 1 : 0,
    maximumFractionDigits: ratio < 99.95 ? 1 : 0,
  }).format(ratio)
}

/** A small share of a whole, with what is below a hundredth of it: "0.45 %". */
export function smallPercent(part: number): string {
  return new Intl.NumberFormat(language, {
    style: 'percent',
    maximumFractionDigits: part < 0.0995 ? 2 : 0,
  }).format(part)
}

/** A moment's time in seconds: "0.2 ms", "41 ms", "1.3 s". */
export function latency(seconds: number): string {
  const isLong = seconds >= 0.9995
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: isLong ? 'second' : 'millisecond',
    unitDisplay: 'short',
    maximumFractionDigits: isLong || seconds < 0.00995 ? 1 : 0,
  }).format(isLong ? seconds : seconds * 1000)
}

/** A stretch of time in seconds: "7 min 11 s". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const part = (value: number, unit: 'day' | 'hour' | 'minute' | 'second') =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value)
  if (seconds > 0 && seconds < 10) {
    return new Intl.NumberFormat(language, {
      style: 'unit',
      unit: 'second',
      unitDisplay: 'short',
      maximumFractionDigits: 1,
    }).format(seconds)
  }
  if (s < 60) return part(s, 'second')
  if (s < 3600) return `${part(Math.floor(s / 60), 'minute')} ${part(s % 60, 'second')}`
  if (s < 86400) return `${part(Math.floor(s / 3600), 'hour')} ${part(Math.floor((s % 3600) / 60), 'minute')}`
  return `${part(Math.floor(s / 86400), 'day')} ${part(Math.floor((s % 86400) / 3600), 'hour')}`
}

const clockFormat = new Intl.DateTimeFormat(language, { timeStyle: 'medium' })
const shortClock = new Intl.DateTimeFormat(language, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const momentFormat = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' })

export function clock(time: Date | string): string {
  return clockFormat.format(new Date(time))
}

/** The time of day, for the axis of a chart. */
export function timeOfDay(milliseconds: number): string {
  return shortClock.format(milliseconds)
}

export function moment(time: Date | string): string {
  return momentFormat.format(new Date(time))
}

/** Picks the form of a text that a number takes: one, or other. */
export function plural(n: number, one: string, other: string): string {
  const form = new Intl.PluralRules('en').select(n) === 'one' ? one : other
  return form.replace('#', number(n))
}
