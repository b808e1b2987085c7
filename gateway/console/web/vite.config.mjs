import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))

// One script, one style sheet, no inline parts: the page's CSP is `default-src 'self'`. Names carry a hash, so they may be cached for ever.
export default defineConfig({
  root: here('.'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: here('../web-dist'), emptyOutDir: true, target: ['chrome110', 'firefox115', 'safari16.4'], assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  logLevel: 'warn',
})
