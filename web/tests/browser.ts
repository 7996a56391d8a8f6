import { vi } from 'vitest'

// What the page's modules ask of a browser when they are loaded.
vi.stubGlobal('navigator', { language: 'en' })
vi.stubGlobal('location', { origin: 'http://127.0.0.1', hash: '' })
