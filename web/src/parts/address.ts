/** What somebody typed to connect: a code, and where the sender is. */
export interface Typed {
  code: string
  address: string
}

/**
 * Reads the field for a code: a code in any case with spaces, dashes or underscores between its parts, or what a QR code
 * says, "CODE@HOST:PORT". The node reads the code itself; here only the two are told apart.
 */
export function readCode(text: string): Typed {
  const at = text.indexOf('@')
  const code = at < 0 ? text : text.slice(0, at)
  return {
    code: code
      .trim()
      .toLowerCase()
      .replace(/[\s\p{Pd}\u2212_]+/gu, '-')
      .replace(/^-+|-+$/g, ''),
    address: at < 0 ? '' : text.slice(at + 1).trim(),
  }
}

/** Whether a text looks like a code: a number and eight characters at least. */
export function isCode(code: string): boolean {
  return /^\d{1,4}-.{8,}$/u.test(code)
}

/**
 * Whether a text looks like HOST or HOST:PORT. An IPv6 address with a port stands in brackets. The node finds out whether
 * there is such a host.
 */
export function isAddress(text: string): boolean {
  const parts = /^(\[[\da-fA-F:.%\w]+\]|[^\s:/@[\]]+)(?::(\d{1,5}))?$/.exec(text.trim())
  if (parts) return parts[2] === undefined || (Number(parts[2]) > 0 && Number(parts[2]) < 65536)
  return /^[\da-fA-F:]+(%\w+)?$/.test(text.trim()) && text.split(':').length > 2
}
