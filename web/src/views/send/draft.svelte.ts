import type { Chosen } from '../../parts/picker/chosen'
import type { Upload } from './upload.svelte'

/** What somebody is about to send. It stays while they look at other views. */
class Draft {
  chosen = $state.raw<Chosen[]>([])
  upload = $state<Upload>()
  isText = $state(false)
  text = $state('')

  /** Whom to: the ID of a device, or one of the two others. */
  to = $state<'address' | 'code' | `device ${string}` | ''>('')
  address = $state('')
  receivers = $state<'one' | 'any'>('one')

  /** 0: automatic */
  streams = $state(0)
  exclude = $state('')

  /** Forgets what was to be sent, once it is. Whom to and how stay. */
  clear(): void {
    this.chosen = []
    this.upload = undefined
    this.isText = false
    this.text = ''
  }
}

export const draft = new Draft()

/** The patterns that somebody wrote, one a line. */
export function patterns(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}
