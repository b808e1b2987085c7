import { z } from 'zod'
import { label, time } from './common.ts'

/** A site file has at most 4 MiB. */
export const siteText = z.string().min(1).max(4 << 20)
const maxWindowMs = 24 * 3_600_000
const field = z.strictObject({ path: z.string(), before: z.string().nullable(), after: z.string().nullable() })
const ids = z.array(z.string())

export const planOrder = z.strictObject({ text: siteText })
/** What the file would change. `problems`: it is wrong, with line and column, and nothing else is told. English. */
export const planAnswer = z.strictObject({
  problems: z.array(z.strictObject({ line: z.int(), column: z.int(), path: z.string(), message: z.string() })),
  plan: z.strictObject({
    same: z.boolean(),
    lines: z.array(z.strictObject({ area: z.string(), id: z.string(), name: label.optional(), what: z.enum(['added', 'removed', 'changed']), fields: z.array(field) })),
    connections: z.strictObject({ kept: ids, restarted: ids, opened: ids, closed: ids }),
    city: z.array(label), staff: z.array(label),
    risks: z.array(z.strictObject({ kind: z.enum(['refused', 'loss', 'care']), text: label })),
    warnings: z.array(z.string()),
  }).nullable(),
})
export type PlanAnswer = z.output<typeof planAnswer>

/** It is taken back unless somebody confirms it within `windowMs`. */
export const applyOrder = z.strictObject({ text: siteText, reason: z.string().trim().max(200).default(''), windowMs: z.int().min(10_000).max(maxWindowMs), acceptLoss: z.boolean().default(false), overwrite: z.boolean().default(false) })
export const confirmOrder = z.strictObject({ anyway: z.boolean().default(false) })
/** Without a number: what is on trial, or the one before. */
export const rollBackOrder = z.strictObject({ number: z.int().min(1).optional(), reason: z.string().trim().max(200).default('') })

export const configurations = z.strictObject({
  file: z.string(), inForce: z.int(), edited: z.boolean(),
  trial: z.strictObject({ number: z.int(), previous: z.int(), confirm: z.enum(['person', 'health']), windowMs: z.int(), leftMs: z.number(), findings: z.array(z.strictObject({ code: z.string(), text: label })) }).nullable(),
  configurations: z.array(z.strictObject({
    number: z.int(), at: time, by: z.string(), origin: z.enum(['file', 'cli', 'console', 'city']), reason: z.string(), hash: z.string(),
    outcome: z.enum(['found', 'trial', 'confirmed', 'rolled-back', 'kept-aside']), note: z.string().optional(),
  })),
})
export type ConfigurationsAnswer = z.output<typeof configurations>
export const configurationQuery = z.strictObject({ number: z.coerce.number().int().min(1) })
export const configurationText = z.strictObject({ number: z.int(), text: z.string() })
