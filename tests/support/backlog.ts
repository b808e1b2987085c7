import path from 'node:path'
import { expect } from 'vitest'
import { tempFolder } from './resources.ts'
import { openStore, numbered, StoreCity } from './store-city.ts'

const perCommit = 2_000

/** A store with so many events nobody took; closed. */
export async function backlogOf(count: number): Promise<string> {
  const folder = path.join(await tempFolder(), 'journal')
  await using journal = await openStore(folder)
  await journal.reader('city', { from: 'start' })
  for (let n = 1; n <= count; n += perCommit) await journal.commit({ events: Array.from({ length: Math.min(perCommit, count - n + 1) }, (_, index) => numbered(n + index)), urgent: true })
  return folder
}

const megabytes = (): number => process.memoryUsage.rss() / 1e6

/** Opens it, and measures until the first records are in hand; then takes it all. */
export async function restartWith(folder: string, count: number): Promise<{ readonly readyMs: number; readonly grownMb: number; readonly emptyMs: number }> {
  let readyMs: number
  let grownMb: number
  {
    const before = megabytes()
    const began = performance.now()
    await using journal = await openStore(folder)
    const reader = await journal.reader('city', { from: 'start' })
    expect(reader.backlog().event!.records).toBe(count)
    expect((await reader.take('event', 32)).length).toBe(32)
    await journal.commit({ events: [numbered(count + 1)], urgent: true })
    readyMs = performance.now() - began
    const city = new StoreCity()
    for (let left = count + 1; left > 0;) {
      const records = await reader.take('event', 500)
      await reader.settle('event', records.map(({ epoch, seq }) => ({ record: { epoch, seq }, outcome: 'acked' as const })))
      left -= records.length
      if (left < 500) for (const { stream, bytes } of records) city.accept(stream, bytes)
    }
    expect(city.order.at(-1)).toBe(count + 1)
    grownMb = megabytes() - before
  }
  // What was deleted lies about in the tables until they are merged: the next start must not wade through it.
  const began = performance.now()
  await using journal = await openStore(folder)
  const reader = await journal.reader('city', { from: 'start' })
  expect(reader.backlog().event!.records).toBe(0)
  expect(await reader.take('event', 32)).toEqual([])
  return { readyMs, grownMb, emptyMs: performance.now() - began }
}
