import { envelopeFields } from './envelope-schema.ts'
import { jsonSchemas, type JsonSchema } from './json-schema.ts'
import { messageNames, messageTypes } from './messages.ts'
import { recordNames, recordTypes } from './records.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** One word or two for a field's type, as a reader needs it. */
function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (Array.isArray(schema.enum)) return schema.enum.map((word) => `\`${String(word)}\``).join(' ')
  const choices = (schema.anyOf ?? schema.oneOf) as readonly JsonSchema[] | undefined
  if (choices) return [...new Set(choices.map(typeOf))].join(', ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items as JsonSchema)}`
  if (Array.isArray(schema.type)) return schema.type.join(', ')
  return typeof schema.type === 'string' ? schema.type : 'any JSON'
}

interface Row { readonly name: string; readonly type: string; readonly text: string }

/** The fields of an object, those of objects and lists below it with a dot. */
function rowsOf(schema: JsonSchema, before = ''): Row[] {
  const required = new Set((schema.required ?? []) as readonly string[])
  const rows = Object.entries((schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>).flatMap(([name, field]) => {
    const below = field.type === 'array' ? field.items as JsonSchema : field
    const path = `${before}${name}`
    const row = { name: `\`${path}\`${required.has(name) ? '' : '?'}`, type: typeOf(field), text: String(field.description ?? '') }
    return [row, ...(below.properties ? rowsOf(below, `${path}.`) : mapRows(below, path))]
  })
  const more = schema.additionalProperties
  return typeof more === 'object' && before === '' ? [...rows, { name: '…', type: typeOf(more as JsonSchema), text: String((more as JsonSchema).description ?? '') }] : rows
}

/** A map by stream: the fields of what is in it. */
function mapRows(schema: JsonSchema, path: string): Row[] {
  const inside = schema.additionalProperties as JsonSchema | undefined
  return typeof inside === 'object' && inside.properties ? rowsOf(inside, `${path}.*.`) : []
}

const table = (rows: readonly Row[]): string => ['| field | type | |', '|---|---|---|', ...rows.map(({ name, type, text }) => `| ${cell(name)} | ${cell(type)} | ${cell(text)} |`)].join('\n')

/** docs/platform/records.md, whole. */
export function recordsPage(): string {
  const schemas = jsonSchemas()
  const propertiesOf = (name: string): Readonly<Record<string, JsonSchema>> => schemas.get(name)!.properties as Readonly<Record<string, JsonSchema>>
  const envelope = schemas.get('access')!
  const own: Readonly<Record<string, JsonSchema>> = { ...propertiesOf('access'), type: { type: 'string', description: 'org.linli.{name}.v1' } }
  const attributes: JsonSchema = { required: envelope.required, properties: Object.fromEntries(envelopeFields.map((name) => [name, own[name]])) }
  const records = recordNames.map((name) => {
    const { stream, title } = recordTypes[name]
    return `### ${name}\n${title}. Stream \`${stream}\`. [schema](schemas/${name}.json) · [fixture](fixtures/${name}.json)\n\n${table(rowsOf(propertiesOf(name).data!))}`
  })
  const messages = messageNames.map((name) => {
    const { topic, title, from, retained } = messageTypes[name]
    return `### ${name}\n${title}. \`…/${topic}\`, ${from === 'gateway' ? 'from the gateway' : 'from the city'}${retained ? ', retained' : ''}. [schema](schemas/${name}.json) · [fixture](fixtures/${name}.json)\n\n${table(rowsOf(schemas.get(name)!))}`
  })
  return [
    '# Records and messages, field by field',
    'Generated from `cloud-sync/contract-docs` by `scripts/platform-docs.ts`; do not edit. `?` marks what may be absent. Within v1 fields are only added.',
    '', '## Every record', 'A [CloudEvent 1.0](https://github.com/cloudevents/spec) in structured JSON; beside it `data`, by type.', '', table(rowsOf(attributes)),
    '', '## `data` by type', records.join('\n\n'), '', '## Other messages', messages.join('\n\n'), '',
  ].join('\n')
}
