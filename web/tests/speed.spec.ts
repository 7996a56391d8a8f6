import { type Page } from '@playwright/test'
import { readdirSync } from 'node:fs'
import type { Bench, Pairing } from '../src/api/types'
import type { LanyardNode } from './node'
import { axe, expect, test } from './test'
import { visit } from './views'

/** Has two nodes trust each other, by a code. */
async function pair(one: LanyardNode, two: LanyardNode): Promise<void> {
  const pairing = async (node: LanyardNode) =>
    (await node.ask<{ pairing: Pairing | null }>('GET', '/v1/pairing')).pairing
  await one.ask('POST', '/v1/pairing', {})
  await expect.poll(async () => (await pairing(one))?.code).toBeTruthy()
  const shown = await pairing(one)
  await two.ask('POST', '/v1/pairing', { code: shown?.code, to: shown?.addresses?.[0] })
  for (const node of [one, two]) await expect.poll(async () => (await pairing(node))?.state).toBe('done')
}

const benchOf = async (node: LanyardNode) =>
  (await node.ask<{ bench: Bench | null }>('GET', '/v1/bench')).bench

/** What is left of tests in the folder that is measured. */
const left = (node: LanyardNode) =>
  readdirSync(node.inbox).filter((name) => name.startsWith('.lanyard-bench'))

/** Looks at the view in light and dark, and at the width of a small phone. */
async function look(page: Page): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await axe(page)
  }
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 740 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    for (const link of await page.getByRole('navigation').getByRole('link').filter({ visible: true }).all()) {
      const label = link.locator('.truncate')
      if ((await label.count()) > 0)
        expect(await label.evaluate((e) => e.scrollWidth - e.clientWidth)).toBeLessThanOrEqual(0)
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

test('this machine is tested, from the button to the gain', async ({ laptop, open }) => {
  test.setTimeout(180_000)
  const page = await open(laptop)
  await visit(page, 'Speed test')
  await expect(page.getByText('temporary files are removed')).toBeVisible()
  await expect(page.getByRole('radio', { name: 'This machine' })).toBeChecked()
  await look(page)
  await page.getByRole('button', { name: 'Start speed test' }).click()
  await expect(page.getByRole('heading', { name: 'Speed test of this machine' })).toBeVisible()
  await expect(page.getByTestId('step')).toHaveText('Measuring memory and disk')
  await expect(page.getByRole('button', { name: 'Start speed test' })).toBeHidden()

  // What is measured shows while the rest is measured, also on a page that was loaded anew.
  const part = page.getByRole('progressbar', { name: 'Progress of the speed test' })
  await expect(page.getByTestId('step')).toHaveText(/inside this machine/)
  await expect(page.getByTestId('facts')).toContainText(/Disk writes\s*\d/)
  await expect(page.getByTestId('step')).toHaveText('Transferring with one stream', { timeout: 60_000 })
  await page.reload()
  await expect(part).toHaveAttribute('aria-valuenow', /^[1-9]/)
  await expect(page.getByTestId('facts')).toContainText(/Disk writes\s*\d/)
  await expect(page.getByTestId('step')).toHaveText(/^Transferring with/)
  await expect(page.getByTestId('rate')).toHaveText(/\d.*\/s/)
  const rows = page.getByTestId('runs').locator('tbody tr')
  await expect(rows.first()).toBeVisible({ timeout: 30_000 })
  await look(page)
  await expect(page.getByText('What limits it')).toBeHidden()

  await expect(page.getByTestId('gain')).toHaveText(/^\d+(\.\d)? × one stream$/, { timeout: 90_000 })
  const { report } = (await benchOf(laptop)) ?? {}
  expect(report?.runs).toHaveLength(7)
  await expect(page.getByTestId('gain')).toContainText((report?.gain ?? NaN).toFixed(1))
  await expect(rows).toHaveCount(7)
  await expect(rows.first()).toHaveText(/^1\s*\d.*\/s\s*1\.0 ×/)
  await expect(rows.last()).toHaveText(/^Auto/)
  await expect(page.getByTestId('verdict')).toContainText(report?.verdict?.text ?? '?')
  await expect(page.getByTestId('verdict')).toContainText(report?.verdict?.advice ?? '?')
  await expect(page.getByTestId('facts')).toContainText('There and back takes')
  await expect(page.getByTestId('by-streams')).toContainText('Auto')
  await page.getByLabel('Transfer with').selectOption('4 streams')
  await expect(page.getByTestId('over-time')).toContainText('4 streams')
  await expect(page.getByTestId('over-time').locator('path')).toHaveCount(4)
  await look(page)
  expect(left(laptop)).toEqual([])

  await page.getByRole('button', { name: 'Test something else' }).click()
  await expect(page.getByRole('button', { name: 'Start speed test' })).toBeVisible()
  expect(await benchOf(laptop)).toBeNull()
})

test('the way from a trusted device is tested to its gain, stopped, and fails when it is gone', async ({
  laptop,
  studio,
  open,
}) => {
  test.setTimeout(240_000)
  await pair(laptop, studio)
  const page = await open(studio)
  const other = await page.context().newPage()
  await other.goto(`${studio.page}#/speed`)
  await visit(page, 'Speed test')
  await page.getByRole('radio', { name: laptop.name }).check()
  await page.getByRole('button', { name: 'Start speed test' }).click()

  // Another tab shows the same, and one is enough.
  const title = `Speed test from ${laptop.name} to this machine`
  for (const tab of [page, other]) {
    await expect(tab.getByRole('heading', { name: title })).toBeVisible()
    await expect(tab.getByRole('button', { name: 'Start speed test' })).toBeHidden()
  }
  await expect(page.getByTestId('facts')).toContainText(`${laptop.name} sends`)
  await expect(page.getByTestId('step')).toHaveText(/Transferring with/, { timeout: 30_000 })
  await page.getByRole('button', { name: 'Stop' }).click()
  for (const tab of [page, other]) {
    await expect(tab.getByText('The test was stopped. Below is')).toBeVisible()
    await expect(tab.getByTestId('facts')).toContainText('Network alone')
  }
  await axe(page)
  for (const node of [laptop, studio]) expect(left(node)).toEqual([])

  await other.getByRole('button', { name: 'Test again' }).click()
  for (const tab of [page, other]) {
    await expect(tab.getByTestId('gain')).toHaveText(/^\d+(\.\d)? × one stream$/, { timeout: 90_000 })
    await expect(tab.getByTestId('runs').locator('tbody tr')).toHaveCount(7)
    await expect(tab.getByTestId('facts')).toContainText('Network alone')
  }
  const verdict = (await benchOf(studio))?.report?.verdict
  await expect(page.getByTestId('verdict')).toContainText(verdict?.text ?? '?')
  for (const node of [laptop, studio]) expect(left(node)).toEqual([])

  // One that goes in the middle, and one that is not there.
  await other.getByRole('button', { name: 'Test again' }).click()
  await expect(page.getByTestId('step')).toHaveText(/Transferring with/, { timeout: 30_000 })
  await laptop.kill('SIGKILL')
  const alert = page.getByTestId('speed').getByRole('alert')
  await expect(alert).toContainText('The other device is gone.', { timeout: 45_000 })
  await expect(alert).toContainText('Test again when it is back.')
  await axe(page)
  await page.getByRole('button', { name: 'Test again' }).click()
  await expect(page.getByTestId('running')).toBeVisible()
  await expect(alert).toContainText('The other device does not answer.', { timeout: 45_000 })
  await expect(page.getByRole('heading', { name: title })).toBeVisible()
  expect(left(studio)).toEqual([])
})

test('a broken address shows its view', async ({ laptop, open }) => {
  const page = await open(laptop)
  await page.goto(`${laptop.page}#/speed/%`)
  await expect(page.getByRole('button', { name: 'Start speed test' })).toBeVisible()
  await page.goto(`${laptop.page}#/send/%`)
  await expect(page.getByRole('heading', { level: 1, name: 'Send' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('heading', { level: 1, name: 'Send' })).toBeVisible()
})
