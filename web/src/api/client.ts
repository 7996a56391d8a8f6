import createClient, { type Middleware } from 'openapi-fetch'
import type { paths } from './schema'

/** What the node answers instead of a result; the codes are those of its error table. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly remedy: string,
    readonly status: number,
    /** seconds until another try makes sense; 0: not said */
    readonly retryAfter: number,
  ) {
    super(message)
    this.name = 'Refusal'
  }
}

/** The node does not answer: it was stopped, is starting, or the network is gone. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

const onSignedOut = new Set<() => void>()

/** Calls f whenever the node says that the session is over. */
export function whenSignedOut(f: () => void): void {
  onSignedOut.add(f)
}

export async function refusalOf(response: Response): Promise<Refusal> {
  let code = 'failed'
  let message = `${response.status} ${response.statusText}`
  let remedy = ''
  try {
    const { error } = (await response.clone().json()) as {
      error?: { code?: string; message?: string; remedy?: string }
    }
    code = error?.code ?? code
    message = error?.message ?? message
    remedy = error?.remedy ?? ''
  } catch {
    // An answer that is not the node's own; its status says what there is to say.
  }
  return new Refusal(code, message, remedy, response.status, Number(response.headers.get('Retry-After') ?? 0))
}

const failures: Middleware = {
  async onResponse({ response, schemaPath }) {
    if (response.ok) return
    const refusal = await refusalOf(response)
    if (response.status === 401 && schemaPath !== '/api/v1/session') onSignedOut.forEach((f) => f())
    throw refusal
  },
  onError({ error }) {
    return error instanceof DOMException && error.name === 'AbortError'
      ? error
      : new Unreachable('the node does not answer')
  },
}

export const api = createClient<paths>({ baseUrl: location.origin })
api.use(failures)

/** Unwraps an answer: failures were thrown before. */
export async function take<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer
  if (data === undefined) throw new Unreachable('the node answered nothing')
  return data
}
