import { expect, it } from 'vitest'
import { backlogOf, restartWith } from '../support/backlog.ts'

it('a store with a million events that nobody took is ready within a second of its start, and so is one that was emptied', async () => {
  const { readyMs, grownMb, emptyMs } = await restartWith(await backlogOf(1_000_000), 1_000_000)
  process.stderr.write(`ready after ${Math.round(readyMs)} ms, emptied and started again ${Math.round(emptyMs)} ms, ${Math.round(grownMb)} MB more\n`)
  expect(readyMs).toBeLessThan(1_000)
  expect(emptyMs).toBeLessThan(1_000)
  expect(grownMb).toBeLessThan(200)
})
