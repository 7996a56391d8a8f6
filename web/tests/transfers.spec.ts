import { axe, expect, signUp, test } from './test'
import { offered, sendTo, visit } from './views'

test('pause, go on, cancel', async ({ laptop, studio, open }) => {
  const film = laptop.put('film.mov', 30_000_000)
  await laptop.ask('PUT', '/v1/limits', { up: 1_000_000, down: 0 })
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await sendTo(sender, studio, 'film.mov')
  await (await offered(receiver, laptop)).getByRole('button', { name: 'Accept' }).click()
  await visit(receiver, 'Transfers')
  await expect(receiver.getByRole('progressbar').first()).toBeVisible()
  await expect(receiver).toHaveTitle(/\d+\s?%/)
  await receiver.getByRole('link', { name: 'Details' }).click()
  await expect(receiver.getByText('Rate over time')).toBeVisible()
  await axe(receiver)
  await receiver.getByRole('button', { name: 'Pause' }).click()
  await expect(receiver.getByText('Paused').first()).toBeVisible()
  await laptop.ask('PUT', '/v1/limits', { up: 0, down: 0 })
  await receiver.getByRole('button', { name: 'Go on' }).click()
  await expect(receiver.getByText(/Done in .*, verified/)).toBeVisible({ timeout: 45_000 })
  expect(studio.got('film.mov')?.equals(film)).toBe(true)

  laptop.put('second.mov', 30_000_000)
  await laptop.ask('PUT', '/v1/limits', { up: 1_000_000, down: 0 })
  await sendTo(sender, studio, 'second.mov')
  await (await offered(receiver, laptop)).getByRole('button', { name: 'Accept' }).click()
  await visit(receiver, 'Transfers')
  const card = receiver.getByRole('article').filter({ hasText: 'second.mov' })
  await card.getByRole('button', { name: 'Cancel' }).click()
  await axe(receiver)
  await receiver.getByRole('dialog').getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect(card.getByText('Cancelled')).toBeVisible()
  expect(studio.got('second.mov')).toBeUndefined()
})

test('a node that is killed goes on, and its page with it', async ({ laptop, studio, open }) => {
  const film = laptop.put('film.mov', 40_000_000)
  await laptop.ask('PUT', '/v1/limits', { up: 2_000_000, down: 0 })
  const [sender, receiver] = [await open(laptop), await open(studio)]
  await sendTo(sender, studio, 'film.mov')
  await (await offered(receiver, laptop)).getByRole('button', { name: 'Accept' }).click()
  await visit(receiver, 'Transfers')
  await expect(receiver.getByRole('progressbar').first()).toHaveAttribute('aria-valuenow', /^[1-9]/)
  await studio.kill('SIGKILL')
  await expect(receiver.getByText('Reconnecting')).toBeVisible()
  await laptop.ask('PUT', '/v1/limits', { up: 0, down: 0 })
  await studio.run()
  await expect(receiver.getByText('Reconnecting')).toBeHidden()
  await expect(receiver.getByText(/Done in .*, verified/)).toBeVisible({ timeout: 45_000 })
  expect(studio.got('film.mov')?.equals(film)).toBe(true)
})

test('two tabs share one stream of events', async ({ browser, laptop }) => {
  const context = await browser.newContext()
  const streams: string[] = []
  context.on('request', (r) => {
    if (r.url().includes('/api/v1/events')) streams.push(r.url())
  })
  const first = await context.newPage()
  await signUp(first, laptop)
  await expect.poll(() => streams.length).toBe(1)
  const second = await context.newPage()
  await second.goto(laptop.page + '#/transfers')
  await expect(second.getByTestId('known-as').first()).toHaveText(laptop.name)
  laptop.put('film.mov', 1000)
  await laptop.ask('POST', '/v1/transfers', { paths: [`${laptop.home}/film.mov`] })
  await expect(second.getByText('film.mov').first()).toBeVisible()
  expect(streams.length).toBe(1)

  // The second one takes over.
  await first.close()
  await expect.poll(() => streams.length).toBe(2)
  laptop.put('other.mov', 1000)
  await laptop.ask('POST', '/v1/transfers', { paths: [`${laptop.home}/other.mov`] })
  await expect(second.getByText('other.mov').first()).toBeVisible()
  await context.close()
})
