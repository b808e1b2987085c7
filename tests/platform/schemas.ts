import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { jsonSchemas } from '../../cloud-sync/contract-docs/json-schema.ts'

/** CommonJS with a default of its own: what the types call the module is the function at run time, or has it. */
export const formats = (ajv: Ajv): Ajv => (addFormats as unknown as { default: (ajv: Ajv) => Ajv }).default(ajv)

/** What is published lets later versions add fields. A test must see a field that nobody described. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'properties' in copy && copy.type === 'object' && !('additionalProperties' in copy) ? { ...copy, additionalProperties: false } : copy
}

/** The generated JSON Schemas behind ajv, closed against fields they do not name. */
export function schemaChecks(): { errors(name: string, value: unknown): readonly string[] } {
  const ajv = formats(new Ajv({ strict: true, allowUnionTypes: true, allErrors: true }))
  const validators = new Map<string, ValidateFunction>([...jsonSchemas()].map(([name, schema]) => [name, ajv.compile(closed(schema) as object)]))
  return {
    errors(name, value) {
      const validate = validators.get(name)
      if (!validate) return [`no schema "${name}"`]
      return validate(value) ? [] : validate.errors!.map(({ instancePath, message, params }) => `${name}${instancePath} ${message} ${JSON.stringify(params)}`)
    },
  }
}
