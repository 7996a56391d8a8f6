import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [svelte(), tailwindcss()],
  build: {
    // The page's policy allows neither inline scripts nor data in place of files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licences.md' },
    target: 'es2022',
    emptyOutDir: false, // dist/.gitignore stays
  },
  test: { include: ['src/**/*.test.ts'], setupFiles: ['tests/browser.ts'] },
})
