import { expect, it } from 'vitest'
import { killWhilePublishing } from './kill9.ts'

it('kill -9 at 20 random moments of 5,000 publishes loses none that was acknowledged, and brings each once and in order', { timeout: 120_000 }, async () => {
  const { acknowledged, received, report } = await killWhilePublishing({ publishes: 5_000, kills: 20 })
  const sent = Array.from({ length: 5_000 }, (_, index) => index + 1)
  expect(acknowledged.toSorted((a, b) => a - b)).toEqual(sent)
  expect(received).toEqual(sent)
  expect(report).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
})
