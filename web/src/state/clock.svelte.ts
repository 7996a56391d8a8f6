let time = $state(new Date())

setInterval(() => (time = new Date()), 1000)

/** The time of day, which moves on by the second. */
export function now(): Date {
  return time
}
