import { expect, it } from 'vitest'
import { killWhilePublishing } from '../e2e/kill9.ts'
import { killWhileActing } from '../faults/alerts-kill9.ts'

it('kill -9 at 200 random moments of 60,000 publishes: each acknowledged one reaches the city, once and in order', async () => {
  const { acknowledged, received, report } = await killWhilePublishing({ publishes: 60_000, kills: 200 })
  const sent = Array.from({ length: 60_000 }, (_, index) => index + 1)
  expect(acknowledged.toSorted((a, b) => a - b)).toEqual(sent)
  expect(received).toEqual(sent)
  expect(report).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
})

it('kill -9 at 100 random moments while alerts are raised and answered', async () => {
  const { acts, raised, waits, report } = await killWhileActing({ kills: 100 })
  expect(Math.min(acts, raised, waits)).toBeGreaterThan(20)
  expect(report).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
})
