import { axe, expect, test } from './test'
import { visit } from './views'

test('two devices are paired by a code, renamed, given a rule, and parted', async ({
  laptop,
  studio,
  open,
}) => {
  const [one, two] = [await open(laptop), await open(studio)]
  await visit(two, 'Devices')
  await expect(two.getByRole('article').filter({ hasText: laptop.name })).toBeVisible()
  await axe(two)
  await visit(one, 'Devices')
  await one.getByRole('button', { name: 'Pair a device' }).click()
  await one.getByRole('radio', { name: 'Show a code here' }).check()
  await axe(one)
  await one.getByRole('dialog').getByRole('button', { name: 'Go on' }).click()
  const code = await one.getByTestId('pair-code').innerText()
  const { addresses } = (await laptop.ask<{ pairing: { addresses: string[] } }>('GET', '/v1/pairing')).pairing

  await two.getByRole('button', { name: 'Pair a device' }).click()
  await two.getByRole('radio', { name: 'Enter a code' }).check()
  await two.getByLabel('Code of the other device').fill(code)
  await two.getByLabel('Its address').fill(addresses[0] ?? '')
  await two.getByRole('dialog').getByRole('button', { name: 'Go on' }).click()
  await expect(two.getByText(`You and ${laptop.name} trust each other now.`)).toBeVisible()
  await expect(one.getByText(`You and ${studio.name} trust each other now.`)).toBeVisible()
  await two.getByRole('dialog').getByRole('button', { name: 'Done' }).click()

  const card = two.getByRole('article').filter({ hasText: laptop.name })
  await expect(card.getByText(/Trusted since/)).toBeVisible()
  await card.getByRole('button', { name: 'Rename' }).click()
  await two.getByRole('dialog').getByLabel('Name').fill('Ma’s laptop')
  await axe(two)
  await two.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  const renamed = two.getByRole('article').filter({ hasText: 'Ma’s laptop' })
  await renamed.getByRole('button', { name: 'Rule' }).click()
  await two.getByRole('radio', { name: 'Take everything without asking' }).check()
  await axe(two)
  await two.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(renamed.getByText('Are taken without asking')).toBeVisible()

  const film = laptop.put('film.mov', 1000)
  await laptop.ask('POST', '/v1/transfers', { paths: [`${laptop.home}/film.mov`], to: studio.name })
  await expect.poll(() => studio.got('film.mov')?.equals(film)).toBe(true)

  await renamed.getByRole('button', { name: 'Stop trusting' }).click()
  await two.getByRole('dialog').getByRole('button', { name: 'Stop trusting' }).click()
  await expect(two.getByText(/Trusted since/)).toBeHidden()
})

test('two devices are paired by words', async ({ laptop, studio, open }) => {
  const [one, two] = [await open(laptop), await open(studio)]
  await visit(one, 'Devices')
  await visit(two, 'Devices')
  await two
    .getByRole('article')
    .filter({ hasText: laptop.name })
    .getByRole('button', { name: 'Pair' })
    .click()
  await two.getByRole('dialog').getByRole('button', { name: 'Go on' }).click()
  const words = two.getByRole('dialog').getByRole('list', { name: 'Words to compare' }).getByRole('listitem')
  await expect(words).toHaveCount(4)
  await expect(one.getByText(`${studio.name} asks to be trusted`)).toBeVisible()
  await expect(one.getByRole('list', { name: 'Words to compare' }).getByRole('listitem')).toHaveText(
    await words.allTextContents(),
  )
  await axe(one)
  await two.getByRole('dialog').getByRole('button', { name: 'Yes, the same' }).click()
  await one.getByRole('button', { name: 'Yes, trust it' }).click()
  await expect(two.getByText(`You and ${laptop.name} trust each other now.`)).toBeVisible()
  await expect(
    one
      .getByRole('article')
      .filter({ hasText: studio.name })
      .getByText(/Trusted since/),
  ).toBeVisible()
})
