import { z } from 'zod'
import type { Json } from '../../gateway/contract/index.ts'
import { duration, identifier, label } from '../../gateway/kit/schema.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { limits } from '../expression/parse.ts'
import { placeholders } from './text.ts'

export const pointName = z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point')
export const severity = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)])
/** CEL, checked once the points are known. */
const expression = z.string().min(1).max(limits.length)
/** Small first letter: see durationsAsNames. */
const inputName = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'name an input with a-z, 0-9 and _, a letter first')
const value = z.union([z.boolean(), z.number(), z.string().max(200)])

/** Payloads come out of the site file only; `{name}` in a text is the input's value, as text. */
const payload: z.ZodType<Json> = z.json().refine((json) => JSON.stringify(json).length <= 4_096, 'a payload has at most 4096 characters') as z.ZodType<Json>

const interlock = { onlyIf: expression.optional(), unless: expression.optional() }
export const write = z.strictObject({ point: pointName, value, deadline: duration.default(10_000), ...interlock })
/** Below `linli/rules/`. */
export const publish = z.strictObject({ topic: z.string().max(120).regex(/^[^+#/\0][^+#\0]*$/, 'a topic without + and #, below linli/rules/'), payload, ...interlock })
export const notify = z.strictObject({ channels: z.array(identifier).min(1).max(10), text: label, ...interlock })

/** What a rule does, one thing an entry. An interlock that is false or unknown holds it back. */
export const action = z.union([
  z.strictObject({ write }), z.strictObject({ publish }), z.strictObject({ notify }), z.strictObject({ scene: identifier, ...interlock }),
], { error: 'an action is one of write, publish, notify, scene' })
export type ActionConfig = z.output<typeof action>

export const writeLimit = z.strictObject({ atMost: z.int().min(1).max(100), per: duration }).default({ atMost: 10, per: 60_000 })
export const inputsSchema = z.record(inputName, pointName).refine((inputs) => Object.keys(inputs).length <= 20, 'a rule has at most 20 inputs')
const actions = z.array(action).max(20).default([])

/** `when` holding for `for` raises; `clear`, or `when` being false, for `clearFor` clears. */
export const conditionSchema = z.strictObject({
  id: identifier,
  kind: z.literal('condition'),
  inputs: inputsSchema.default({}),
  when: expression,
  clear: expression.optional(),
  for: duration.default(0),
  clearFor: duration.default(0),
  /** The schedule within which it counts; `not office-hours` for outside of it. */
  during: z.string().regex(/^(not )?[a-z0-9-]{1,48}$/, 'name a schedule, or "not" and a schedule').optional(),
  /** What an outcome that cannot be told does: nothing but a notice after `noticeAfter`, as if false, as if true. */
  unknown: z.enum(['hold', 'clear', 'raise']).default('hold'),
  noticeAfter: duration.default(600_000),
  severity: severity.optional(),
  title: label.optional(),
  // oxlint-disable-next-line unicorn/no-thenable -- a word of the site file; nobody awaits it
  then: actions,
  otherwise: actions,
  writes: writeLimit,
}).superRefine((rule, context) => {
  if ((rule.severity === undefined) !== (rule.title === undefined)) context.addIssue({ code: 'custom', path: [rule.title ? 'severity' : 'title'], message: 'an alert has a severity and a title' })
  if (!rule.title && rule.then.length + rule.otherwise.length === 0) context.addIssue({ code: 'custom', message: 'it does nothing: give severity and title for an alert, or actions under then' })
  for (const { path, text } of textsOf(rule)) {
    for (const name of placeholders(text)) if (!Object.hasOwn(rule.inputs, name)) context.addIssue({ code: 'custom', path: [...path], message: `{${name}} is no input${didYouMean(name, Object.keys(rule.inputs))}` })
  }
})
export type ConditionConfig = z.output<typeof conditionSchema>

/** Every text of it in which an input may stand. */
function textsOf({ title, then: first, otherwise }: { readonly title?: { readonly zh: string; readonly en: string } | undefined; readonly then: readonly ActionConfig[]; readonly otherwise: readonly ActionConfig[] }) {
  const labels = (path: readonly (string | number)[], text: { readonly zh: string; readonly en: string }) => (['zh', 'en'] as const).map((language) => ({ path: [...path, language], text: text[language] }))
  const of = (list: readonly ActionConfig[], name: string) => list.flatMap((entry, index) => ('notify' in entry ? labels([name, index, 'notify', 'text'], entry.notify.text) : []))
  return [...(title ? labels(['title'], title) : []), ...of(first, 'then'), ...of(otherwise, 'otherwise')]
}
