/** Characters that a password has at least, as the node asks for. */
export const least = 10

/**
 * How hard a password is to guess, from 0 (very weak) to 4 (strong): by the size of its alphabet to the power of the
 * characters that are not simply repeated or next to the one before, as in "1234" and "aaaa".
 */
export function strength(password: string): number {
  const characters = [...password]
  let fresh = 0
  characters.forEach((c, i) => {
    const step = (c.codePointAt(0) ?? 0) - (characters[i - 1]?.codePointAt(0) ?? Number.NaN)
    if (!(Math.abs(step) <= 1)) fresh++
  })
  const alphabet =
    (/[a-z]/.test(password) ? 26 : 0) +
    (/[A-Z]/.test(password) ? 26 : 0) +
    (/\d/.test(password) ? 10 : 0) +
    (/[ -/:-@[-`{-~]/.test(password) ? 33 : 0) +
    (/[^ -~]/.test(password) ? 100 : 0)
  const variety = new Set(characters).size
  const bits = Math.min(fresh, variety * 2) * Math.log2(Math.max(alphabet, 2))
  if (characters.length < least || bits < 35) return bits < 20 ? 0 : 1
  if (bits < 55) return 2
  return bits < 75 ? 3 : 4
}
