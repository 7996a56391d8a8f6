import { axe, expect, test } from './test'
import { visit } from './views'

test('settings are kept, checked, and take effect', async ({ laptop, open }) => {
  const page = await open(laptop)
  await visit(page, 'Settings')
  await axe(page)
  await expect(page.getByLabel('Name', { exact: true })).not.toBeEditable() // the node was started with --name
  await page.getByRole('textbox', { name: 'Send no faster than' }).fill('fast')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect(page.getByText(/limit_up is written as/)).toBeVisible()
  await page.getByRole('textbox', { name: 'Send no faster than' }).fill('2MB/s')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect(page.getByRole('status').filter({ hasText: 'Saved' })).toBeVisible()
  expect(await laptop.ask('GET', '/v1/limits')).toEqual({ up: 2_000_000, down: 0 })
  await laptop.kill('SIGTERM')
  await laptop.run()
  expect(await laptop.ask('GET', '/v1/limits')).toEqual({ up: 2_000_000, down: 0 })

  await page.getByRole('radio', { name: 'Dark' }).check()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await axe(page)
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
})

test('the page can be used with the keyboard alone, and on a phone', async ({ laptop, studio, open }) => {
  laptop.put('film.mov', 1000)
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await sender.goto(laptop.page + '#/send')
  await sender.getByRole('button', { name: 'Choose files or folders' }).focus()
  await sender.keyboard.press('Enter')
  const dialog = sender.getByRole('dialog')
  await expect(dialog.getByRole('listbox')).toBeFocused()
  await sender.keyboard.press('Space')
  await sender.keyboard.press('Control+Enter')
  await expect(dialog).toBeHidden()
  await sender.getByRole('radio', { name: studio.name }).focus()
  await sender.keyboard.press('Space')
  await sender.getByRole('button', { name: 'Send', exact: true }).focus()
  await sender.keyboard.press('Enter')
  await expect(sender.getByRole('dialog').getByRole('button', { name: 'Yes, the same' })).toBeVisible()
  await sender.getByRole('dialog').getByRole('button', { name: 'Yes, the same' }).focus()
  await sender.keyboard.press('Enter')

  await receiver.setViewportSize({ width: 360, height: 740 })
  await receiver
    .getByRole('link', { name: /Receive/ })
    .filter({ visible: true })
    .click()
  await expect(receiver.getByText(`${laptop.name} wants to send you something`)).toBeVisible()
  await axe(receiver)
  const wide = await receiver.evaluate(() => document.documentElement.scrollWidth)
  expect(wide, 'nothing stands out to the side').toBeLessThanOrEqual(360)
  await receiver.getByRole('button', { name: 'Accept' }).focus()
  await receiver.keyboard.press('Enter')
  await expect.poll(() => studio.got('film.mov')?.length).toBe(1000)
})
