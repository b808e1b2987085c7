import { z } from 'zod'
import { problem } from './api/common.ts'
import { routes, type Route } from './api/routes.ts'
import { streamEvents } from './api/stream.ts'

interface JsonSchema { readonly properties?: Readonly<Record<string, object>>; readonly required?: readonly string[] }

/** OpenAPI 3.1 of {@link routes}: made from the schemas that parse what comes in. */
export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, route] of Object.entries(routes) as [string, Route][]) (paths[route.path.replaceAll(/:(\w+)/g, '{$1}')] ??= {})[route.method.toLowerCase()] = operation(name, route)
  for (const [path, summary, type, ready] of plain) paths[path] = { get: { operationId: path.replaceAll(/[^a-z]/g, ''), summary, security: [], responses: { 200: { description: 'as said', content: { [type]: { schema: { type: type === 'application/json' ? 'object' : 'string' } } } }, ...(ready ? { 503: { description: 'not ready' } } : {}) } } }
  paths['/api/photos/{id}'] = { get: { operationId: 'photo', summary: 'a photo of a report or a repair', description: 'Role viewer or more.', security: [{ session: [] }], parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }], responses: { 200: { description: 'JPEG', content: { 'image/jpeg': { schema: { type: 'string', contentMediaType: 'image/jpeg' } } } }, default: refused } } }
  paths['/api/support-bundle/file'] = { get: { operationId: 'supportBundleFile', summary: 'the support bundle that was made', description: 'Role installer or more.', security: [{ session: [] }], responses: { 200: { description: 'tar, gzip', content: { 'application/gzip': { schema: { type: 'string', contentMediaType: 'application/gzip' } } } }, default: refused } } }
  paths['/api/stream'] = { get: {
    operationId: 'stream', summary: 'live: server-sent events', description: Object.entries(streamEvents).map(([event, schema]) => `event \`${event}\`: \`${JSON.stringify(jsonSchema(schema, 'output'))}\``).join('\n\n'),
    security: [{ session: [] }], responses: { 200: { description: 'until the caller leaves', content: { 'text/event-stream': { schema: { type: 'string' } } } }, default: refused },
  } }
  return {
    openapi: '3.1.0',
    info: { title: 'Linli gateway', version, description: 'Everything that the console does. Orders are JSON. A session is a cookie, from /api/session/login.', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    paths,
    components: { securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: '__Host-linli', description: 'over plain HTTP: linli' } }, schemas: { Problem: jsonSchema(problem, 'output') } },
  }
}

const refused = { description: 'refused: the code stands in docs/errors.md', content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } } }
const plain = [
  ['/healthz', 'the process answers', 'text/plain', false], ['/readyz', 'devices, rules and store work', 'application/json', true],
  ['/metrics', 'Prometheus text', 'text/plain', false], ['/api/openapi.json', 'this document', 'application/json', false],
] as const

function operation(name: string, route: Route): object {
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')]
  return {
    operationId: name, summary: route.summary, ...(route.role === 'public' ? { security: [] } : { description: `Role ${route.role} or more.`, security: [{ session: [] }] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } } } : {}),
    responses: { 200: { description: 'done', content: { 'application/json': { schema: jsonSchema(route.answer, 'output') } } }, default: refused },
  }
}

function parametersOf(schema: z.ZodType | undefined, where: 'path' | 'query'): object[] {
  if (!schema) return []
  const { properties = {}, required = [] } = jsonSchema(schema, 'output') as JsonSchema
  const wanted = jsonSchema(schema, 'input') as JsonSchema
  return Object.entries(properties).map(([name, inner]) => ({ name, in: where, required: where === 'path' || (required.includes(name) && (wanted.required ?? []).includes(name)), schema: inner }))
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
