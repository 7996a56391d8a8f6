import AxeBuilder from '@axe-core/playwright'
import { test as base, expect, type Page } from '@playwright/test'
import { LanyardNode, user } from './node'

export { expect, user }

interface Fixtures {
  /** Two nodes that see each other. */
  laptop: LanyardNode
  studio: LanyardNode
  /** Opens the page of a node with somebody signed in. */
  open: (node: LanyardNode) => Promise<Page>
}

/** Makes a name that no other node of this network has. */
const tag = () => Math.random().toString(36).slice(2, 6)

export const test = base.extend<Fixtures>({
  laptop: async ({}, use) => {
    const node = await LanyardNode.start(`laptop ${tag()}`)
    await use(node)
    await node.remove()
  },
  studio: async ({ laptop }, use) => {
    const node = await LanyardNode.start(`studio ${tag()}`, [laptop])
    await use(node)
    await node.remove()
  },
  // A browser of its own for each node, as they would be on two machines.
  open: async ({ browser }, use) => {
    const contexts: { close(): Promise<void> }[] = []
    await use(async (node) => {
      const context = await browser.newContext()
      contexts.push(context)
      const page = await context.newPage()
      watch(page)
      await signUp(page, node)
      return page
    })
    for (const c of contexts) await c.close()
  },
})

/** Fails the test for what the page's policy had to block, and for errors in its scripts. */
export function watch(page: Page): void {
  page.on('pageerror', (error) => expect.soft(error.message, 'an error in the page').toBe(''))
  page.on('console', (m) => {
    if (/Content Security Policy|Refused to/.test(m.text())) expect.soft(m.text(), 'blocked').toBe('')
  })
}

/** Makes the account of a node through its link. */
export async function signUp(page: Page, node: LanyardNode): Promise<void> {
  await page.goto(await node.setupLink())
  await page.getByLabel('User name').fill(user.name)
  await page.getByLabel('Password', { exact: true }).fill(user.password)
  await page.getByLabel('Password, once more').fill(user.password)
  await page.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByTestId('known-as').first()).toHaveText(node.name)
}

export async function signIn(page: Page, node: LanyardNode, keep = false): Promise<void> {
  await page.goto(node.page)
  await page.getByLabel('User name').fill(user.name)
  await page.getByLabel('Password', { exact: true }).fill(user.password)
  if (keep) await page.getByLabel('Keep me signed in').check()
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByTestId('known-as').first()).toHaveText(node.name)
}

/** Finds nothing that keeps anybody from using the view. */
export async function axe(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`)).toEqual([])
}
