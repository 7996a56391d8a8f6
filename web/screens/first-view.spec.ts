import { test } from '@playwright/test'
import { LanyardNode } from '../tests/node'
import { signUp } from '../tests/test'

/** A slow phone on a slow network: bytes a second, and how many times slower than this machine's processor. */
const network = { offline: false, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8, latency: 40 }
const slower = 4

test('how long the first view takes on a slow phone', async ({ browser }) => {
  const node = await LanyardNode.start('laptop')
  try {
    const first = await browser.newContext()
    await signUp(await first.newPage(), node)
    const times: Record<string, number[]> = { 'sign-in': [], send: [] }
    for (let i = 0; i < 5; i++) {
      for (const [view, state] of [
        ['sign-in', undefined],
        ['send', await first.storageState()],
      ] as const) {
        // Nothing is in a new context's cache.
        const context = await browser.newContext(state ? { storageState: state } : {})
        const page = await context.newPage()
        const cdp = await context.newCDPSession(page)
        await cdp.send('Network.emulateNetworkConditions', network)
        await cdp.send('Emulation.setCPUThrottlingRate', { rate: slower })
        const began = Date.now()
        await page.goto(node.page, { waitUntil: 'commit' })
        await page
          .getByRole('button', { name: view === 'send' ? 'Choose files or folders' : 'Sign in' })
          .waitFor()
        times[view]?.push(Date.now() - began)
        await context.close()
      }
    }
    for (const [view, all] of Object.entries(times)) {
      all.sort((a, b) => a - b)
      console.log(`${view}: ${all[2]} ms (${all[0]} to ${all[4]})`)
    }
  } finally {
    await node.remove()
  }
})
