import { test, type Browser, type Page } from '@playwright/test'
import { LanyardNode, user } from '../tests/node'
import { signUp } from '../tests/test'
import { pick, visit } from '../tests/views'

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1360, height: 860 } }
const schemes = ['light', 'dark'] as const

/** Takes a view in every size and scheme, as `NAME-SIZE-SCHEME.png`. */
async function shoot(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.waitForTimeout(300) // charts are drawn anew by the browser's own time
      await page.screenshot({ path: `screenshots/${name}-${size}-${colorScheme}.png` })
    }
  }
  await page.setViewportSize(sizes.desktop)
}

async function enter(browser: Browser, node: LanyardNode): Promise<Page> {
  const page = await (await browser.newContext({ viewport: sizes.desktop })).newPage()
  await signUp(page, node)
  return page
}

test('every view', async ({ browser }) => {
  const laptop = await LanyardNode.start('Asha’s laptop')
  const studio = await LanyardNode.start('studio', [laptop])
  try {
    for (const [path, bytes] of [
      ['Videos/wedding.mov', 48_000_000],
      ['Videos/शादी का गीत 🎶.mp4', 9_400_000],
      ['Pictures/2026/IMG_0001.jpg', 2_100_000],
      ['Pictures/2026/IMG_0002.jpg', 1_900_000],
      ['Pictures/2026/IMG_0010.jpg', 2_400_000],
      ['Documents/bill.pdf', 120_000],
      ['notes.txt', 1200],
    ] as const) {
      laptop.put(path, bytes)
    }
    const visitor = await (await browser.newContext({ viewport: sizes.desktop })).newPage()
    await visitor.goto(laptop.page)
    await visitor.getByRole('heading', { name: 'Almost there' }).waitFor()
    await shoot(visitor, 'no-account')
    await visitor.goto(await laptop.setupLink())
    await visitor.getByLabel('User name').fill(user.name)
    await visitor.getByLabel('Password', { exact: true }).fill(user.password)
    await shoot(visitor, 'setup')

    const [one, two] = [await enter(browser, laptop), await enter(browser, studio)]
    await visitor.goto(laptop.page)
    await visitor.reload()
    await visitor.getByRole('heading', { name: 'Sign in' }).waitFor()
    await shoot(visitor, 'sign-in')

    await visit(two, 'Receive')
    await shoot(two, 'receive-empty')
    await visit(one, 'Send')
    await shoot(one, 'send-empty')
    await one.getByRole('button', { name: 'Choose files or folders' }).click()
    await one.getByRole('option', { name: 'Videos' }).locator('[data-tick]').click()
    await shoot(one, 'picker')
    await one.getByRole('dialog').getByRole('button', { name: 'Choose', exact: true }).click()
    await one.getByRole('radio', { name: 'studio' }).check()
    await shoot(one, 'send')
    await one.getByRole('button', { name: 'Send', exact: true }).click()
    await one.getByRole('dialog').getByRole('button', { name: 'Yes, the same' }).waitFor()
    await shoot(one, 'send-words')
    await laptop.ask('PUT', '/v1/limits', { up: 2_500_000, down: 0 })
    await one.getByRole('dialog').getByRole('button', { name: 'Yes, the same' }).click()

    const offer = two.getByRole('article', { name: /wants to send you something/ })
    await visit(two, 'Receive')
    await offer.waitFor()
    await shoot(two, 'receive-offer')
    await offer.getByRole('button', { name: 'Accept' }).click()
    await visit(two, 'Transfers')
    await two.waitForTimeout(8000) // for a chart to look at
    await shoot(two, 'transfers')
    await two.getByRole('link', { name: 'Details' }).first().click()
    await shoot(two, 'transfer')
    await visit(one, 'Transfers')
    await shoot(one, 'transfers-sender')
    await laptop.ask('PUT', '/v1/limits', { up: 0, down: 0 })

    await visit(one, 'Send')
    await pick(one, 'Choose files or folders', 'Pictures')
    await one.getByRole('radio', { name: 'Anyone with the code' }).check()
    await one.getByRole('button', { name: 'Send', exact: true }).click()
    await one.getByRole('img', { name: /QR code/ }).waitFor()
    await shoot(one, 'share')

    await visit(two, 'Receive')
    await two.getByRole('textbox', { name: 'Address' }).fill(`127.0.0.1:${laptop.port}`)
    await two.getByRole('button', { name: 'Ask for files' }).click()
    await visit(one, 'Send')
    await one.getByText('studio asks for something').waitFor()
    await shoot(one, 'request')

    await visit(two, 'Devices')
    await two
      .getByRole('article')
      .filter({ hasText: 'Asha’s laptop' })
      .getByRole('button', { name: 'Pair' })
      .click()
    await two.getByRole('dialog').getByRole('button', { name: 'Go on' }).click()
    await two.getByRole('dialog').getByRole('list', { name: 'Words to compare' }).waitFor()
    await shoot(two, 'pair-words')
    await visit(one, 'Devices')
    await shoot(one, 'devices')
    await two.getByRole('dialog').getByRole('button', { name: 'Yes, the same' }).click()
    await one.getByRole('button', { name: 'Yes, trust it' }).click()
    await two.getByRole('dialog').getByRole('button', { name: 'Done' }).click()
    await shoot(two, 'devices-trusted')

    await visit(two, 'Speed test')
    await shoot(two, 'speed-empty')
    await two.getByRole('radio', { name: 'Asha’s laptop' }).check()
    await two.getByRole('button', { name: 'Start speed test' }).click()
    await two.getByText('Transferring with 8 streams').waitFor({ timeout: 60_000 })
    await shoot(two, 'speed-running')
    await two.getByTestId('gain').waitFor({ timeout: 90_000 })
    await shoot(two, 'speed')

    await visit(two, 'History and log')
    await shoot(two, 'history')
    await two.getByRole('tab', { name: 'Live log' }).click()
    await shoot(two, 'log')
    await visit(two, 'Settings')
    await shoot(two, 'settings')
  } finally {
    await laptop.remove()
    await studio.remove()
  }
})
