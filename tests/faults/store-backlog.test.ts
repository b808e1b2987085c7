import { expect, it } from 'vitest'
import { backlogOf, restartWith } from '../support/backlog.ts'

it('a store with 100,000 events that nobody took is ready within a second of its start, and so is one that was emptied', { timeout: 120_000 }, async () => {
  const { readyMs, grownMb, emptyMs } = await restartWith(await backlogOf(100_000), 100_000)
  expect(readyMs).toBeLessThan(1_000)
  expect(emptyMs).toBeLessThan(1_000)
  expect(grownMb).toBeLessThan(150)
})
