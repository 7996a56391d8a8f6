/** The port of an address that names none. */
export const defaultPort = '12121'
