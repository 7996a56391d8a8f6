import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from './test'

/** Bytes that the whole page may have as it is sent. */
const most = 300_000

test('the whole page is light, and asks no other host', async ({ page, laptop }) => {
  const dist = join(import.meta.dirname, '../dist')
  const weights = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile() && f.name !== 'licences.md')
    .map((f) => gzipSync(readFileSync(join(f.parentPath, f.name))).length)
  expect(weights.length).toBeGreaterThan(5)
  expect(weights.reduce((a, b) => a + b)).toBeLessThan(most)

  const hosts = new Set<string>()
  page.on('request', (r) => hosts.add(new URL(r.url()).origin))
  await page.goto(laptop.page)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  expect([...hosts]).toEqual([new URL(laptop.page).origin])
})
