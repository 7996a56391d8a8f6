import { refusalOf, Refusal, Unreachable } from './client'

/** One server-sent event. */
export interface Message {
  id: string
  data: string
}

/** Silence after which a stream is taken for dead, in milliseconds: the node says something every 15 s. */
const patience = 40_000

/**
 * Yields the server-sent events of an address until the stream ends or signal aborts it. A reader of its own, as
 * EventSource neither tells why a stream ended (401) nor notices one that fell silent.
 */
export async function* stream(url: string, signal: AbortSignal, opened: () => void): AsyncGenerator<Message> {
  const dead = new AbortController()
  let timer = setTimeout(() => dead.abort(), patience)
  let response: Response
  try {
    response = await fetch(url, {
      signal: AbortSignal.any([signal, dead.signal]),
      headers: { Accept: 'text/event-stream' },
      cache: 'no-store',
    })
  } catch {
    clearTimeout(timer)
    throw new Unreachable('the node does not answer')
  }
  try {
    if (!response.ok) throw await refusalOf(response)
    if (!response.body) return
    opened()
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    const parser = new Parser()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(timer)
      timer = setTimeout(() => dead.abort(), patience)
      yield* parser.feed(value)
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Unreachable('the node does not answer')
  } finally {
    clearTimeout(timer)
    dead.abort()
  }
}

/** Parser takes a stream of server-sent events apart, however it is cut into pieces. Lines end in "\n", as the node's do. */
export class Parser {
  private rest = ''
  private id = ''
  private data: string[] = []

  feed(piece: string): Message[] {
    const found: Message[] = []
    const lines = (this.rest + piece).split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (this.data.length > 0) found.push({ id: this.id, data: this.data.join('\n') })
        this.data = []
      } else if (line.startsWith('id:')) this.id = line.slice(3).trim()
      else if (line.startsWith('data:')) this.data.push(line.slice(5).replace(/^ /, ''))
    }
    return found
  }
}
