import { z } from 'zod'
import { label, pointId, time, value } from './common.ts'

const outcome = z.enum(['passed', 'failed', 'skipped'])
const count = z.int()
/** `at`: when the device says it changed. `afterMs`: from the call to there; null where it was not called, or the device's clock is behind. `receipt` null: not asked for, or it did not come in time. */
const result = z.strictObject({
  point: z.string(), outcome, before: value.nullable(), after: value.nullable(), at: time.nullable(), afterMs: z.number().nullable(), toGatewayMs: z.number().nullable(), swappedWith: z.string().nullable(), reason: label.nullable(),
  receipt: z.enum(['none', 'waiting', 'came', 'absent']), receiptMs: z.number().nullable(),
})
export type CheckAnswer = z.output<typeof result>

/** What changes while it goes on; asked every half second. `version`: where it is another, more than this has changed. */
export const commissioningNow = z.strictObject({
  version: count, running: z.boolean(), counts: z.strictObject({ total: count, passed: count, failed: count, skipped: count, left: count }),
  current: z.strictObject({ point: z.string(), device: label, name: label, ask: label, calledAt: time.nullable(), early: z.boolean() }).nullable(),
  last: result.nullable(),
})
export type CommissioningNow = z.output<typeof commissioningNow>

const reportId = z.string().regex(/^\d{13}$/)
const summary = z.strictObject({ id: reportId, at: time, by: z.string(), passed: count, failed: count, skipped: count })
export const commissioning = z.strictObject({
  session: z.strictObject({ by: z.string(), beganAt: time, unsaved: z.string().nullable() }).nullable(),
  checks: z.array(z.strictObject({ point: z.string(), deviceId: z.string(), device: label, name: label, unit: z.string().nullable(), place: z.string().nullable(), result: result.nullable() })),
  reports: z.array(summary), now: commissioningNow,
})
export type CommissioningAnswer = z.output<typeof commissioning>

/** `resume`: what passed in the last report is not asked again, where the site file is the same. */
export const commissioningBegin = z.strictObject({ by: z.string().trim().min(1).max(80), resume: z.boolean() })
/** `point`: the one it is meant for, so that two pages do not speak past each other. */
export const commissioningAct = z.discriminatedUnion('act', [
  z.strictObject({ act: z.enum(['choose', 'call', 'works-not']), point: pointId }),
  z.strictObject({ act: z.literal('skip'), point: pointId, reason: z.string().trim().max(200) }),
])
export const commissioningReportParams = z.strictObject({ id: reportId })
export const commissioningFinished = summary
/** `before`: against the report before it; null: there is none. */
export const commissioningReport = z.strictObject({
  report: summary, keyId: z.string(), before: z.strictObject({ id: reportId, at: time, differences: z.array(z.strictObject({ point: z.string(), was: outcome.nullable(), now: outcome.nullable() })) }).nullable(),
})
export type CommissioningReport = z.output<typeof commissioningReport>
