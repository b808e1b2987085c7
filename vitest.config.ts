import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/deep/**', '**/node_modules/**'],
    pool: 'forks',
    // Twice as many as CI has cores: most tests wait for a counterpart most of the time.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    // Two cores and many counterparts: what is awaited may take its time, and only its never coming is a failure.
    expect: { poll: { timeout: 5_000 } },
    setupFiles: ['tests/support/setup.ts'],
  },
})
