import { expect, it } from 'vitest'
import { killWhileActing } from './alerts-kill9.ts'

it('kill -9 while alerts are raised and answered: what was answered is done and stands once, a condition is told once, a running "for" goes on', { timeout: 60_000 }, async () => {
  const { acts, raised, waits, report } = await killWhileActing({ kills: 3 })
  expect(Math.min(acts, raised, waits)).toBeGreaterThan(0)
  expect(report).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
})
