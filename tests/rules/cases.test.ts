/* oxlint-disable unicorn/no-thenable -- a word of the case file; nobody awaits it */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { casesSchema, facilityOfCases, runCase } from '../../rules/cases.ts'
import { decisionSchemas } from '../../rules/site.ts'

const { rules, scenes, schedules, calendar } = decisionSchemas
const run = (one: object, zone = 'Asia/Shanghai') => {
  const file = casesSchema.parse({
    points: { 'hall.t': { type: 'number' }, 'relays.fan': { type: 'boolean' } }, scenes: [{ id: 'cool', steps: [{ wait: '5s' }, { write: { point: 'relays.fan', value: true } }] }],
    rules: [{ id: 'hot', kind: 'condition', inputs: { t: 'hall.t' }, when: 't > 30 && hour() == 8', for: '10s', severity: 3, title: { zh: '热', en: 'hot' }, then: [{ scene: 'cool' }] }], cases: [{ name: 'one', ...one }],
  })
  return runCase(z.object({ rules, scenes, schedules, calendar }).parse(file), facilityOfCases(file, zone), file.cases[0]!)
}
const when = [{ at: '0s', 'hall.t': 31 }, { at: '1m' }]

describe('a case', () => {
  it('passes when exactly what it expects has come', () => {
    expect(run({ when, then: [{ at: '10s', raise: 'hot', severity: 3 }, { at: '15s', write: 'relays.fan', value: true }] })).toEqual({ name: 'one', passed: true, missing: [], unexpected: [] })
  })
  it('says what is missing and what else has come', () => {
    expect(run({ when, then: [{ at: '11s', raise: 'hot' }, { at: '15s', write: 'relays.fan', value: false }] })).toEqual({ name: 'one', passed: false, missing: ['11s raise hot', '15s write relays.fan = false'], unexpected: ['10s raise hot', '15s write relays.fan = true'] })
    expect(run({ when, then: [{ at: '10s', raise: 'hot', severity: 1 }, { at: '15s', write: 'relays.fan', value: true }] }).missing).toEqual(['10s raise hot (severity 1)'])
  })
  it('begins at a local time of the site', () => {
    expect(run({ start: '2026-11-25T09:00', when, then: [] }).passed).toBe(true)
    expect(run({ start: '2026-11-25T08:00', when, then: [] }, 'Europe/Berlin').passed).toBe(false)
  })
  it('expects one thing a line', () => {
    expect(casesSchema.safeParse({ cases: [{ name: 'x', when, then: [{ at: '1s', raise: 'a', clear: 'b' }] }] }).error?.issues[0]?.message).toMatch(/expect one of/)
  })
})
