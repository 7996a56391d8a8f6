import { api, take, whenSignedOut } from '../api/client'
import { node } from './node.svelte'

/** Who is signed in to the page. */
class Session {
  state = $state<'unknown' | 'none' | 'out' | 'in'>('unknown') // none: there is no account yet
  name = $state('')
  /** The token of the link that makes the account. It is taken out of the address at once. */
  setup = $state('')
  /** Whether the session ended by itself or elsewhere. */
  expired = $state(false)
  /** Whether the link that was to make the account serves no more. */
  usedLink = $state(false)

  /** Finds out how things stand; throws Unreachable when the node does not answer. */
  async look(): Promise<void> {
    const token = /^#setup=([\w-]+)$/.exec(location.hash)?.[1]
    if (token) {
      this.setup = token
      history.replaceState(null, '', location.pathname)
    }
    this.take(await take(api.GET('/api/v1/session')))
  }

  async make(name: string, password: string): Promise<void> {
    this.take(await take(api.POST('/api/v1/account', { body: { token: this.setup, name, password } })))
  }

  async setupRefused(): Promise<void> {
    this.setup = ''
    this.usedLink = true
    await this.look()
  }

  async signIn(name: string, password: string, keep: boolean): Promise<void> {
    this.take(await take(api.POST('/api/v1/session', { body: { name, password, keep } })))
  }

  async signOut(everywhere: boolean): Promise<void> {
    await (everywhere ? api.DELETE('/api/v1/sessions') : api.DELETE('/api/v1/session'))
    this.leave(false)
  }

  leave(expired: boolean): void {
    if (this.state !== 'in') return
    node.close()
    this.expired = expired
    this.state = 'out'
  }

  private take(s: { signed_in: boolean; account: boolean; name?: string }): void {
    if (!s.signed_in) {
      this.state = s.account ? 'out' : 'none'
      return
    }
    this.name = s.name ?? ''
    this.setup = ''
    this.expired = false
    this.state = 'in'
    void node.open(() => this.leave(true))
  }
}

export const session = new Session()

// A link that is opened in the page's own tab loads nothing anew.
window.addEventListener('hashchange', () => {
  if (session.state !== 'in' && location.hash.startsWith('#setup=')) void session.look()
})

whenSignedOut(() => session.leave(true))
