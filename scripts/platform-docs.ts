// Writes what docs/platform has from the code: AsyncAPI document, JSON Schemas, golden fixtures, the table of records. `--check` writes
// nothing and fails when anything differs from the committed files.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { asyncApi } from '../cloud-sync/contract-docs/asyncapi.ts'
import { fixtures } from '../cloud-sync/contract-docs/fixtures.ts'
import { jsonSchemas } from '../cloud-sync/contract-docs/json-schema.ts'
import { recordsPage } from '../cloud-sync/contract-docs/records-page.ts'

const folder = path.resolve(import.meta.dirname, '../docs/platform')
/** Of the format, not of the program: it moves with the topics' prefix. */
const formatVersion = '1.0.0'
const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)

const golden = fixtures()
const files = new Map<string, Uint8Array>([
  ['asyncapi.json', json(asyncApi(formatVersion))],
  ['records.md', Buffer.from(recordsPage())],
  ...[...jsonSchemas()].map(([name, schema]) => [`schemas/${name}.json`, json(schema)] as const),
  // In the order of sending: a consumer fed with them in turn finds no hole.
  ['fixtures/index.json', json(golden.map(({ file, schema, topic }) => ({ file, topic, schema: `schemas/${schema}.json` })))],
  ...golden.map(({ file, bytes }) => [`fixtures/${file}`, bytes] as const),
])

const generated = ['schemas', 'fixtures'].flatMap((name) => (existsSync(path.join(folder, name)) ? readdirSync(path.join(folder, name)).map((file) => `${name}/${file}`) : []))
const stale = generated.filter((file) => !files.has(file))
const changed = [...files].filter(([file, bytes]) => !isSame(path.join(folder, file), bytes)).map(([file]) => file)

/** Two builds of zstd may pack the same bytes differently; what counts is what comes out. */
function isSame(file: string, bytes: Uint8Array): boolean {
  if (!existsSync(file)) return false
  const found = readFileSync(file)
  if (!file.endsWith('.zst')) return found.equals(bytes)
  try { return zstdDecompressSync(found).equals(zstdDecompressSync(bytes)) } catch { return false }
}

if (process.argv.includes('--check')) {
  for (const file of [...changed, ...stale]) console.error(`docs/platform/${file} is not what the code says; run: node scripts/platform-docs.ts`)
  process.exit(changed.length + stale.length > 0 ? 1 : 0)
}
for (const file of stale) rmSync(path.join(folder, file))
for (const file of changed) {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
  writeFileSync(path.join(folder, file), files.get(file)!)
  console.log(`wrote docs/platform/${file}`)
}
