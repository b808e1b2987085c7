import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { event, journalIn } from '../../support/journals.ts'
import { tempFolder } from '../../support/resources.ts'

it('what a reader took, did not settle, and had to give way does not hold up what comes after it', async () => {
  const journal = await journalIn(await tempFolder(), { maxBytes: 60_000 })
  const city = await journal.reader('city', { from: 'start' })
  await journal.forget(['city'])
  const commit = async (from: number, to: number): Promise<void> => { for (let n = from; n <= to; n++) await journal.commit({ events: [event(n, { data: { n, text: randomBytes(750).toString('base64') } })], urgent: true }) }
  await commit(1, 5)
  // In the air, and never answered.
  expect(await city.take('event', 5)).toHaveLength(5)
  await commit(6, 120)
  expect(journal.statistics().gaps).toBeGreaterThan(0)
  const rest = await city.take('event', 200)
  expect(rest[0]!.seq).toBeGreaterThan(5)
  await city.settle('event', rest.map((record) => ({ record, outcome: 'acked' as const })))
  expect(city.position('event')).toMatchObject({ seq: 120 })
  expect(city.backlog().event).toMatchObject({ records: 0, oldestAt: null })
  expect(await city.take('event', 200)).toEqual([])
})
