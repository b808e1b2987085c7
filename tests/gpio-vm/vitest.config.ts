import { defineConfig } from 'vitest/config'

/** Inside the machine of build.sh only: the root is read-only, and emulated processors are slow. */
export default defineConfig({
  cacheDir: '/run/vite',
  test: {
    include: ['tests/drivers/gpio/*.vm.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    setupFiles: ['tests/support/setup.ts'],
  },
})
