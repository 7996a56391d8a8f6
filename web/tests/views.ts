import { expect, type Locator, type Page } from '@playwright/test'
import type { LanyardNode } from './node'

/** What people do on the page, in its words. */

export async function visit(page: Page, view: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: view }).filter({ visible: true }).click()
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
}

/** Picks entries by their names in a dialog of the node's folders, which begins in the user's home. */
export async function pick(page: Page, button: string, ...names: string[]): Promise<void> {
  await page.getByRole('button', { name: button }).first().click()
  const dialog = page.getByRole('dialog')
  for (const name of names) {
    await dialog.getByRole('option', { name }).locator('[data-tick]').click()
  }
  await dialog.getByRole('button', { name: 'Choose', exact: true }).click()
  await expect(dialog).toBeHidden()
}

/** Sends to a device from the list, and tells that its words are the same. */
export async function sendTo(page: Page, device: LanyardNode, ...names: string[]): Promise<void> {
  await visit(page, 'Send')
  await pick(page, 'Choose files or folders', ...names)
  await page.getByRole('radio', { name: device.name }).check()
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Yes, the same' }).click()
}

/** The offer that waits on a page. */
export async function offered(page: Page, from: LanyardNode): Promise<Locator> {
  await visit(page, 'Receive')
  const card = page.getByRole('article', { name: `${from.name} wants to send you something` })
  await expect(card).toBeVisible()
  return card
}
