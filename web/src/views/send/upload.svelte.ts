import { api, take } from '../../api/client'
import { put } from '../../api/put'
import { t } from '../../text'
import { readTree, tops, type DroppedFile } from './tree'

/** Files that are handed to the node at once. */
const atOnce = 4

/** What was dropped on the page, on its way to the node or there. */
export class Upload {
  state = $state<'reading' | 'uploading' | 'done' | 'failed' | 'cancelled'>('reading')
  /** The node's name for it. */
  id = $state('')
  /** What was dropped: folders end in "/". */
  names = $state.raw<{ name: string; size: number }[]>([])
  files = $state(0)
  bytes = $state(0)
  total = $state(0)
  error = $state<unknown>()

  private stop = new AbortController()

  constructor(entries: (FileSystemEntry | File)[]) {
    void this.run(entries)
  }

  /** Gives it up, or has the node forget it. */
  async cancel(): Promise<void> {
    this.state = 'cancelled'
    this.stop.abort()
    await this.forget()
  }

  private async run(entries: (FileSystemEntry | File)[]): Promise<void> {
    try {
      const files = await readTree(entries, this.stop.signal)
      const list = files.map((f) => ({ path: f.path, size: f.file.size }))
      if (list.length === 0) throw new Error(t.send.drop.empty)
      this.names = tops(list)
      this.files = files.length
      this.total = list.reduce((sum, f) => sum + f.size, 0)
      this.id = (await take(api.POST('/api/v1/drops', { body: { files: list } }))).id
      if (this.stop.signal.aborted) return await this.forget()
      this.state = 'uploading'
      await this.send(files)
      this.state = 'done'
    } catch (error) {
      if (this.state === 'cancelled') return
      this.stop.abort()
      this.error = error
      this.state = 'failed'
      await this.forget()
    }
  }

  private async send(files: DroppedFile[]): Promise<void> {
    const gone = new Array<number>(files.length).fill(0)
    let next = 0
    const worker = async () => {
      for (let n = next++; n < files.length; n = next++) {
        const file = files[n]?.file
        if (!file) return
        await put(`/api/v1/drops/${this.id}/files/${n}`, file, this.stop.signal, (bytes) => {
          // What a browser counts as gone may be a little more than the file: its request has a head.
          const now = Math.min(bytes, file.size)
          this.bytes += now - (gone[n] ?? 0)
          gone[n] = now
        })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }

  /** The node forgets drops that nobody uses by itself: that this fails is no harm. */
  private async forget(): Promise<void> {
    if (!this.id) return
    const id = this.id
    this.id = ''
    await api.DELETE('/api/v1/drops/{id}', { params: { path: { id } } }).catch(() => undefined)
  }
}
