import type { Notice } from './types'
import { Refusal } from './client'
import { stream } from './stream'

export type Connection = 'connecting' | 'live' | 'reconnecting'

interface Heard {
  notices?: Notice[]
  connection?: Connection
}

/**
 * Follows the node's notices after one with number seq until signal aborts. A browser opens six connections to one
 * address at most, so of all tabs only the one that holds a lock reads the stream, and tells the others.
 *
 * Notices come in their order; some may come twice, none is lost while the node keeps it: where it does not, there is one
 * of kind "missed". seq tells the last number that the caller has seen, for the tab that takes over.
 */
export async function follow(
  seq: () => number,
  signal: AbortSignal,
  heard: (h: Heard) => void,
  refused: (r: Refusal) => void,
): Promise<void> {
  const channel = new BroadcastChannel('lanyard-events')
  signal.addEventListener('abort', () => channel.close())
  channel.onmessage = (e: MessageEvent<Heard | 'hello'>) => {
    if (e.data !== 'hello') heard(e.data)
  }
  channel.postMessage('hello')
  const tell = (h: Heard) => {
    if (signal.aborted) return
    heard(h)
    channel.postMessage(h)
  }
  const read = async () => {
    let connection: Connection = 'connecting'
    const now = (c: Connection) => tell({ connection: (connection = c) })
    channel.onmessage = (e: MessageEvent<Heard | 'hello'>) => {
      if (e.data === 'hello') channel.postMessage({ connection } satisfies Heard)
    }
    for (let pause = 500; !signal.aborted;) {
      try {
        const opened = () => {
          pause = 500
          now('live')
        }
        for await (const { data } of stream(`/api/v1/events?after=${seq()}`, signal, opened)) {
          tell({ notices: [JSON.parse(data) as Notice] })
        }
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof Refusal && (error.status === 401 || error.status === 403)) return refused(error)
      }
      if (signal.aborted) return
      now('reconnecting')
      await wait(pause, signal)
      pause = Math.min(pause * 2, 5000)
    }
  }
  try {
    if (navigator.locks) await navigator.locks.request('lanyard-events', { signal }, read)
    else await read()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
