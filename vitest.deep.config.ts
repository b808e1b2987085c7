import { defineConfig, mergeConfig } from 'vitest/config'
import base from './vitest.config.ts'

export default defineConfig({ test: { ...mergeConfig(base, {}).test, include: ['tests/deep/**/*.test.ts'], exclude: ['**/node_modules/**'], testTimeout: 900_000, hookTimeout: 60_000, maxWorkers: 1 } })
