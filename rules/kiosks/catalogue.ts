import { isUtf8 } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { codeOf, ConfigError } from '../../gateway/kit/index.ts'
import type { Service, ServicesConfig } from './schema.ts'

export interface CatalogueProblem { readonly line: number; readonly message: string }

const maxBytes = 1 << 20
const maxRows = 5_000
const maxText = 200

/** By code. Throws ConfigError SERVICES_INVALID with the file's first problem. */
export function openCatalogue(config: ServicesConfig): ReadonlyMap<string, Service> {
  const list = 'file' in config ? readServices(config.file) : { services: config, problems: [] }
  const [first] = list.problems
  if (first && 'file' in config) throw new ConfigError('SERVICES_INVALID', `${config.file}:${first.line}: ${first.message}`)
  return new Map(list.services.map((service) => [service.code, service]))
}

/** Columns code, zh and en in any order, others are left alone; UTF-8 or GB18030, as Chinese spreadsheets save. Never throws. */
export function readServices(file: string): { readonly services: readonly Service[]; readonly problems: readonly CatalogueProblem[] } {
  const refuse = (message: string, line = 1) => ({ services: [], problems: [{ line, message }] })
  let bytes: Buffer
  try {
    const found = statSync(file)
    if (!found.isFile() || found.size > maxBytes) return refuse(found.isFile() ? `the file has ${found.size} bytes, more than the 1 MiB a list of services may have` : 'not a regular file; name a CSV file')
    bytes = readFileSync(file)
  } catch (error) {
    return refuse(codeOf(error) === 'ENOENT' ? 'no such file; check the path' : `the file cannot be read (${codeOf(error)})`)
  }
  const text = decode(bytes)
  if (text === null) return refuse('the file is neither UTF-8 nor GB18030; in the spreadsheet choose "Save as" and CSV UTF-8')
  return servicesOf(text)
}

function decode(bytes: Uint8Array): string | null {
  try { return new TextDecoder(isUtf8(bytes) ? 'utf-8' : 'gb18030', { fatal: true }).decode(bytes) } catch { return null }
}

/** Pure. */
export function servicesOf(text: string): { readonly services: readonly Service[]; readonly problems: readonly CatalogueProblem[] } {
  // Loaded by a site that has a catalogue, and by no other.
  const { parse } = createRequire(import.meta.url)('csv-parse/sync') as typeof import('csv-parse/sync')
  let rows: readonly { readonly record: readonly string[]; readonly info: { readonly lines: number } }[]
  try {
    rows = parse(text, { bom: true, info: true, delimiter: [',', ';', '\t'], relax_column_count: true, skip_empty_lines: true, trim: true, to: maxRows + 2 }) as unknown as typeof rows
  } catch (error) {
    const { lines = 1 } = error as { readonly lines?: number }
    return { services: [], problems: [{ line: lines, message: `cannot be read as CSV (${codeOf(error)}); a quotation mark may not be closed` }] }
  }
  const [header, ...body] = rows
  const names = header?.record.map((name) => name.normalize('NFKC').toLowerCase()) ?? []
  const [code, zh, en] = [['code', '编码', '代码'], ['zh', '中文', '名称'], ['en', '英文']].map((words) => names.findIndex((name) => words.includes(name))) as [number, number, number]
  if (code < 0 || zh < 0 || en < 0) return { services: [], problems: [{ line: 1, message: `the first row names the columns code, zh and en; here are ${names.slice(0, 10).join(', ') || 'none'}` }] }
  if (body.length > maxRows) return { services: [], problems: [{ line: maxRows + 2, message: `more than ${maxRows} services` }] }
  const services = new Map<string, Service>()
  const problems: CatalogueProblem[] = []
  for (const { record, info: { lines: line } } of body) {
    const service = { code: record[code] ?? '', name: { zh: record[zh] ?? '', en: record[en] ?? '' } }
    const wrong = service.code === '' ? 'no code' : service.name.zh === '' || service.name.en === '' ? `service "${service.code}" needs a name in both languages` : services.has(service.code) ? `service "${service.code}" is told twice`
      : service.code.length > 64 || service.name.zh.length > maxText || service.name.en.length > maxText ? `service "${service.code.slice(0, 64)}" is too long: 64 letters for a code, ${maxText} for a name` : null
    if (wrong) problems.push({ line, message: wrong })
    else services.set(service.code, service)
  }
  return { services: [...services.values()], problems }
}
