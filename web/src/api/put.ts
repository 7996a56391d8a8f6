import { Refusal, refusalOf, Unreachable } from './client'

/**
 * Sends a file as the raw body of a PUT, and tells how many of its bytes have gone. Not with fetch, which does not tell.
 * Rejects with Refusal, Unreachable, or the reason of signal.
 */
export function put(
  path: string,
  file: Blob,
  signal: AbortSignal,
  gone: (bytes: number) => void,
): Promise<void> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest()
    const give = () => request.abort()
    signal.addEventListener('abort', give)
    request.onloadend = () => signal.removeEventListener('abort', give)
    request.upload.onprogress = (e) => gone(e.loaded)
    request.onabort = () => failed(signal.reason)
    request.onerror = () => failed(new Unreachable('the node does not answer'))
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        gone(file.size)
        done()
        return
      }
      const answer = new Response(request.responseText, { status: request.status })
      refusalOf(answer).then(failed, () =>
        failed(new Refusal('failed', String(request.status), '', request.status, 0)),
      )
    }
    request.open('PUT', path)
    request.setRequestHeader('Content-Type', 'application/octet-stream')
    request.send(file)
  })
}
