import { defineConfig } from '@playwright/test'
import base from './playwright.config'

/** `make screenshots`: pictures of every view, for people to look at. */
export default defineConfig({ ...base, testDir: 'screens', timeout: 300_000, retries: 0 })
