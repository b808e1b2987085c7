import { z } from 'zod'
import { recordSchema } from './envelope-schema.ts'
import { messageNames, messageTypes } from './messages.ts'
import { recordNames } from './records.ts'

export type JsonSchema = { readonly [key: string]: unknown }

/**
 * Every message as JSON Schema (draft 7, which AsyncAPI reads as it is), by file name without `.json`. Open: within v1 a field may be
 * added and a consumer ignores what it does not know; none is removed, renamed or given another meaning.
 */
export function jsonSchemas(): ReadonlyMap<string, JsonSchema> {
  const all = new Map<string, JsonSchema>()
  const add = (name: string, schema: z.ZodType, title: string): void => {
    // `input`: what is on the wire, before any parsing.
    const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', override: ({ jsonSchema }) => withoutLimits(jsonSchema) })
    all.set(name, { $schema, $id: `urn:linli:v1:${name}`, title, ...rest })
  }
  for (const name of recordNames) { const schema = recordSchema(name); add(name, schema, z.globalRegistry.get(schema)?.title ?? name) }
  for (const name of messageNames) add(name, messageTypes[name].schema, messageTypes[name].title)
  return all
}

/** What a double can count to is true of every number in JSON, and says nothing. */
function withoutLimits(schema: { minimum?: number | undefined; maximum?: number | undefined }): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
}
