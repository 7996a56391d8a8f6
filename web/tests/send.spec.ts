import { readFileSync } from 'node:fs'
import { axe, expect, test } from './test'
import { offered, pick, sendTo, visit } from './views'

const evil = '<img src=x onerror=alert(1)>\u202e4pm.exe'
/** How it is shown: not as one that ends in "exe.mp4". */
const shown = evil.replace('\u202e', '\\u202e')

test('by code, from one page to the other', async ({ laptop, studio, open }) => {
  const film = laptop.put('film.mov', 3_000_000)
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await visit(sender, 'Send')
  await axe(sender)
  await pick(sender, 'Choose files or folders', 'film.mov')
  await sender.getByRole('radio', { name: 'Anyone with the code' }).check()
  await axe(sender)
  await sender.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(sender.getByRole('heading', { name: 'Ready for anyone with the code' })).toBeVisible()
  const code = await sender.getByTestId('code').innerText()
  expect(code).toMatch(/^\d+(-[a-z]+){3}$/)
  await expect(sender.getByRole('img', { name: /QR code/ })).toBeVisible()
  await expect(sender.getByText(/127\.0\.0\.1:\d+/).first()).toBeVisible()
  await axe(sender)

  await visit(receiver, 'Receive')
  await axe(receiver)
  await receiver.getByRole('textbox', { name: 'Code' }).fill(code.toUpperCase().replaceAll('-', ' '))
  await receiver.getByRole('button', { name: 'Receive', exact: true }).click()
  await visit(receiver, 'Transfers')
  await expect(receiver.getByText(/Done in .*, verified/)).toBeVisible()
  expect(studio.got('film.mov')?.equals(film)).toBe(true)
  await expect(sender.getByText('Everything was received. The code has ended.')).toBeVisible()
  await axe(receiver)
  await receiver.getByRole('button', { name: 'Show hashes' }).click()
  await expect(receiver.getByRole('dialog').getByText(/[0-9a-f]{64}/)).toBeVisible()
  await axe(receiver)
})

test('to a device, some of the files, and one under another name', async ({ laptop, studio, open }) => {
  const kept = laptop.put('trip/a.jpg', 10_000)
  laptop.put('trip/b.jpg', 10_000)
  const strange = laptop.put(`trip/${evil}`, 20_000)
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await sendTo(sender, studio, 'trip')
  const card = await offered(receiver, laptop)
  await expect(card.getByText('3 files, 40 kB', { exact: true })).toBeVisible()
  await expect(card.getByText(shown)).toBeVisible()
  await axe(receiver)
  await card.getByRole('checkbox', { name: 'Receive trip/b.jpg' }).uncheck()
  await card.getByRole('button', { name: 'Rename trip/a.jpg' }).click()
  await card.getByLabel('New name for trip/a.jpg').fill('सूर्योदय 🌅.jpg')
  await card.getByRole('button', { name: 'Accept 2 files' }).click()
  await visit(receiver, 'Transfers')
  await expect(receiver.getByText(/Done in .*, verified/)).toBeVisible()
  expect(studio.arrived()).toEqual([`trip/${evil}`, 'trip/सूर्योदय 🌅.jpg'])
  expect(studio.got('trip/सूर्योदय 🌅.jpg')?.equals(kept)).toBe(true)
  expect(studio.got(`trip/${evil}`)?.equals(strange)).toBe(true)
  await visit(sender, 'Transfers')
  await expect(sender.getByText(/Done in/)).toBeVisible()

  // A name stays text wherever it is shown.
  await visit(receiver, 'History and log')
  await axe(receiver)
  await receiver.getByLabel('Search names, devices and folders').fill('onerror')
  await receiver.getByTestId('history').getByRole('button').first().click()
  await expect(receiver.getByRole('dialog').getByText(shown)).toBeVisible()
  await axe(receiver)
  const download = receiver.waitForEvent('download')
  await receiver.getByRole('dialog').getByRole('link', { name: 'Download receipt' }).click()
  const receipt = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as {
    files: { path: string }[]
  }
  expect(receipt.files.map((f) => f.path)).toContain(`trip/${evil}`)
  await receiver.keyboard.press('Escape')
  await receiver.getByRole('tab', { name: 'Live log' }).click()
  await expect(receiver.getByTestId('log').getByText(/done in .* Thank you!/)).toBeVisible()
  await expect(receiver.getByTestId('log').getByText(`trip/${shown}`)).toBeVisible()
  await axe(receiver)
})

test('declined', async ({ laptop, studio, open }) => {
  laptop.put('film.mov', 1000)
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await sendTo(sender, studio, 'film.mov')
  const card = await offered(receiver, laptop)
  await card.press('Escape')
  await expect(card).toBeHidden()
  await expect(sender.getByText(`${studio.name} declined.`)).toBeVisible()
  expect(studio.got('film.mov')).toBeUndefined()
})

test('connect first and choose then', async ({ laptop, studio, open }) => {
  const film = laptop.put('film.mov', 500_000)
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await visit(receiver, 'Receive')
  await receiver.getByRole('textbox', { name: 'Address' }).fill(`127.0.0.1:${laptop.port}`)
  await receiver.getByRole('button', { name: 'Ask for files' }).click()
  await visit(sender, 'Send')
  await expect(sender.getByText(`${studio.name} asks for something`)).toBeVisible()
  await axe(sender)
  await pick(sender, 'Choose files…', 'film.mov')
  await visit(receiver, 'Transfers')
  await expect(receiver.getByText(/Done in .*, verified/)).toBeVisible()
  expect(studio.got('film.mov')?.equals(film)).toBe(true)
})

test('dropped files are handed over, sent and removed', async ({ laptop, studio, open }) => {
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await visit(sender, 'Send')
  const dropped = await sender.evaluateHandle(() => {
    const data = new DataTransfer()
    data.items.add(new File(['dropped here'], 'नोट 📝.txt', { type: 'text/plain' }))
    return data
  })
  await sender.dispatchEvent('main', 'dragover', { dataTransfer: dropped })
  await sender.dispatchEvent('main', 'drop', { dataTransfer: dropped })
  await expect(sender.getByText('Ready to be sent.')).toBeVisible()
  await sender.getByRole('radio', { name: studio.name }).check()
  await sender.getByRole('button', { name: 'Send', exact: true }).click()
  await sender.getByRole('dialog').getByRole('button', { name: 'Yes, the same' }).click()
  // Of a device that is not trusted Enter alone takes nothing.
  const card = await offered(receiver, laptop)
  await card.press('Enter')
  await card.getByRole('button', { name: 'Accept' }).click()
  await expect.poll(() => studio.got('नोट 📝.txt')?.toString()).toBe('dropped here')
  await expect.poll(() => laptop.drops()).toEqual([])
})

test('a wrong code is told as such', async ({ laptop, studio, open }) => {
  laptop.put('film.mov', 1000)
  const share = await laptop.ask<{ id: string }>('POST', '/v1/transfers', {
    paths: [`${laptop.home}/film.mov`],
  })
  const code = await expect
    .poll(async () => (await laptop.ask<{ code?: string }>('GET', `/v1/transfers/${share.id}`)).code)
    .toBeTruthy()
    .then(
      async () => await laptop.ask<{ code: string; addresses: string[] }>('GET', `/v1/transfers/${share.id}`),
    )
  const wrong = code.code.replace(/[a-z]+$/, (word) => (word === 'river' ? 'moss' : 'river'))
  const page = await open(studio)
  await visit(page, 'Receive')
  await page.getByRole('textbox', { name: 'Code' }).fill(wrong)
  await page.getByRole('textbox', { name: 'Address' }).fill(code.addresses[0] ?? '')
  await page.getByRole('button', { name: 'Receive', exact: true }).click()
  await visit(page, 'Transfers')
  await expect(page.getByText(/code .*(wrong|not right)|wrong code/i).first()).toBeVisible()
})
