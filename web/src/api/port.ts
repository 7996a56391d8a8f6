/** The port of an address that names none. */
export const defaultPort = '12121'

/** An address with its port, which the node leaves out where it is the usual one. */
export function withPort(address: string): string {
  const isBare = address.startsWith('[') ? address.endsWith(']') : !address.includes(':')
  if (isBare) return `${address}:${defaultPort}`
  const isIPv6 = !address.startsWith('[') && address.indexOf(':') !== address.lastIndexOf(':')
  return isIPv6 ? `[${address}]:${defaultPort}` : address
}
