import { z } from 'zod'
import { duration, identifier, label } from '../../gateway/kit/schema.ts'
import { inputsSchema, notify, publish, severity, write, writeLimit } from '../conditions/schema.ts'

const step = z.union([
  z.strictObject({ write }), z.strictObject({ publish }), z.strictObject({ notify }),
  z.strictObject({ wait: duration }), z.strictObject({ raise: z.strictObject({ severity, title: label }) }),
], { error: 'a step is one of write, publish, notify, wait, raise' })

/** Several steps in order, begun by a rule's `scene` action. */
export const sceneSchema = z.strictObject({
  id: identifier,
  name: label.optional(),
  /** For the interlocks and texts of its steps. */
  inputs: inputsSchema.default({}),
  steps: z.array(step).min(1).max(50),
  /** A second start while it runs. */
  again: z.enum(['restart', 'ignore']).default('ignore'),
  writes: writeLimit,
})
export type SceneConfig = z.output<typeof sceneSchema>
