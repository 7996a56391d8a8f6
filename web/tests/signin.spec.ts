import { axe, expect, signIn, signUp, test, user, watch } from './test'

test('the first visit makes the account, by the link alone', async ({ page, laptop }) => {
  watch(page)
  await page.goto(laptop.page)
  await expect(page.getByRole('heading', { name: 'Almost there' })).toBeVisible()
  await axe(page)

  await page.goto(await laptop.setupLink())
  await expect(page.getByRole('heading', { name: 'Welcome to lanyard' })).toBeVisible()
  expect(page.url(), 'the token does not stay in the address').not.toContain('setup')
  await axe(page)
  await page.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByText('Enter user name and password.')).toBeVisible()
  await page.getByLabel('User name').fill(user.name)
  await page.getByLabel('Password', { exact: true }).fill('short')
  await page.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByText(/at least 10 characters/)).toBeVisible()
  await page.getByLabel('Password', { exact: true }).fill(user.password)
  await page.getByLabel('Password, once more').fill(user.password + '!')
  await page.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByText('The two passwords are not the same.')).toBeVisible()
  await page.getByLabel('Password, once more').fill(user.password)
  await page.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByTestId('known-as').first()).toHaveText(laptop.name)
})

test('a link serves once', async ({ page, laptop, browser }) => {
  const link = await laptop.setupLink()
  const other = await browser.newPage()
  await other.goto(link)
  await page.goto(link)
  await page.getByLabel('User name').fill(user.name)
  await page.getByLabel('Password', { exact: true }).fill(user.password)
  await page.getByLabel('Password, once more').fill(user.password)
  await page.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByTestId('known-as').first()).toHaveText(laptop.name)

  await other.getByLabel('User name').fill('mallory')
  await other.getByLabel('Password', { exact: true }).fill('another 7 long password')
  await other.getByLabel('Password, once more').fill('another 7 long password')
  await other.getByRole('button', { name: 'Begin' }).click()
  await expect(other.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await other.close()
})

test('signing in, wrong passwords, and signing out everywhere', async ({ browser, laptop, open }) => {
  const first = await open(laptop)
  const page = await (await browser.newContext()).newPage()
  watch(page)
  await page.goto(laptop.page)
  await axe(page)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByText('Enter user name and password.')).toBeVisible()
  for (const [name, password] of [
    [user.name, 'not the password'],
    ['nobody', user.password],
  ] as const) {
    await page.getByLabel('User name').fill(name)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByText('User name or password is wrong.')).toBeVisible()
  }
  await signIn(page, laptop)

  await first.goto(laptop.page + '#/settings')
  await first.getByRole('button', { name: 'Sign out everywhere' }).click()
  await expect(first.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible({ timeout: 20_000 })
  await page.context().close()
})

test('somebody who stays signed in is so after a restart of browser and node', async ({
  browser,
  laptop,
}) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await signUp(page, laptop)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await signIn(page, laptop, true)
  await laptop.kill('SIGKILL')
  await expect(page.getByText('Reconnecting')).toBeVisible()
  await laptop.run()
  await expect(page.getByText('Reconnecting')).toBeHidden()

  // A browser that is started again has only the cookies that last.
  const cookies = (await context.cookies()).filter((c) => c.expires > 0)
  await context.close()
  const again = await browser.newContext()
  await again.addCookies(cookies)
  const second = await again.newPage()
  await second.goto(laptop.page)
  await expect(second.getByTestId('known-as').first()).toHaveText(laptop.name)
  await again.close()
})

test('too many attempts are slowed down', async ({ page, laptop, open }) => {
  await open(laptop)
  await page.goto(laptop.page)
  for (let i = 0; i < 12; i++) {
    await page.getByLabel('User name').fill(user.name)
    await page.getByLabel('Password', { exact: true }).fill(`wrong password ${i}`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert')).toBeVisible()
    if (await page.getByText('Too many attempts').isVisible()) return
  }
  expect(false, 'twelve wrong attempts in a row went through').toBe(true)
})
