import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { label } from '../../gateway/kit/schema.ts'
import { check } from '../site/check.ts'
import type { Drivers } from '../site/devices.ts'
import { isObject, type Plain, type PlainObject } from '../site/plain.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { decodeCell, unguard } from './cell.ts'
import { columnsOf, nameColumns, rowKeys, schemaOf } from './columns.ts'
import type { CellReport, CsvTable } from './csv-file.ts'
import { effective, pointNames, type SiteDevice } from './site-points.ts'

/** What a table asks of one point: keys to write into the site file, keys to take out of it. */
export interface PointChange {
  readonly kind: 'added' | 'changed' | 'removed'
  readonly device: SiteDevice
  readonly point: string
  readonly set: PlainObject
  readonly unset: readonly string[]
  /** What held until now, profile included. */
  readonly before: PlainObject
  /** The row and, by key, the column that asks for it. Row 0: asked for by a row that is not there. */
  readonly row: number
  readonly columns: Readonly<Record<string, number>>
}

export interface Plan {
  readonly changes: readonly PointChange[]
  readonly unchanged: number
  /** Points of the file's devices that the table does not name and that stay. */
  readonly absent: readonly string[]
}

interface Header { readonly device: number; readonly point: number; readonly keys: ReadonlyMap<string, number>; readonly names: Readonly<Partial<Record<'zh' | 'en', number>>> }

/**
 * Compares a table with a site file and reports all that is wrong with it. An empty cell means "as the profile or the default says"; a
 * column that is missing says nothing. `remove`: a point that the table leaves out, of a device it names, goes from the site file.
 */
export function planImport(table: CsvTable, devices: readonly SiteDevice[], drivers: Drivers, remove: boolean, report: CellReport): Plan {
  const header = readHeader(table.headers, drivers, report)
  if (!header) return { changes: [], unchanged: 0, absent: [] }
  const byId = new Map(devices.map((device) => [device.id, device]))
  const seen = new Map<string, number>()
  const changes: PointChange[] = []
  for (const { row, cells } of table.rows) {
    cells.forEach((cell, index) => { if (cell.trim() !== '' && (table.headers[index] ?? '') === '') report(row, index + 1, 'a cell without a column name above it; name the column, or quote a cell that holds the separator') })
    const [id, point] = [header.device, header.point].map((index) => unguard(cells[index] ?? '').normalize('NFKC').trim()) as [string, string]
    const device = byId.get(id)
    if (!device) report(row, header.device + 1, id === '' ? 'no device; write the id of a device in the site file' : () => `no device "${id}" in the site file${didYouMean(id, byId.keys()) || '; add the device there first'}`)
    if (!/^[a-z0-9-]{1,48}$/.test(point)) report(row, header.point + 1, `${point === '' ? 'no point' : `"${point.slice(0, 60)}" cannot be a point's id`}; use 1 to 48 of a-z, 0-9 and -`)
    const pointId = `${id}.${point}`
    const first = seen.get(pointId)
    if (first !== undefined) { report(row, header.point + 1, `${pointId} is already in row ${first}; keep one of them`); continue }
    seen.set(pointId, row)
    if (device) changes.push(readRow({ row, cells, device, point, header, drivers, decimalComma: table.decimalComma, report }))
  }
  const named = new Set(changes.map(({ device }) => device))
  const absent = [...named].flatMap((device) => pointNames(device).filter((point) => !seen.has(`${device.id}.${point}`)).map((point) => ({ device, point })))
  const removable = remove ? absent.filter(({ device, point }) => Object.hasOwn(device.own, point) && !Object.hasOwn(device.inherited, point)) : []
  const real = changes.filter(({ kind, set, unset }) => kind === 'added' || Object.keys(set).length > 0 || unset.length > 0)
  return {
    changes: [...real, ...removable.map(({ device, point }) => ({ kind: 'removed' as const, device, point, set: {}, unset: [], before: effective(device, point), row: 0, columns: {} }))],
    unchanged: changes.length - real.length,
    absent: absent.filter((each) => !removable.includes(each)).map(({ device, point }) => `${device.id}.${point}`),
  }
}

function readHeader(headers: readonly string[], drivers: Drivers, report: CellReport): Header | null {
  const known = columnsOf(drivers, Object.keys(drivers))
  const at = new Map<string, number>()
  headers.forEach((name, index) => {
    if (name === '') return
    const column = known.find((each) => each.toLowerCase() === name.toLowerCase())
    if (column === undefined) report(1, index + 1, () => `unknown column "${name.slice(0, 60)}"${didYouMean(name, known) || '; linli points export shows those there are'}`)
    else if (at.has(column)) report(1, index + 1, `the column "${column}" is there twice; keep one`)
    else at.set(column, index)
  })
  for (const key of rowKeys) if (!at.has(key)) report(1, 1, `no column "${key}"; the first row names the columns, ${rowKeys.join(' and ')} among them`)
  const [device, point] = [at.get('device'), at.get('point')]
  if (device === undefined || point === undefined) return null
  const [zh, en] = [at.get('name.zh'), at.get('name.en')]
  const apart = new Set<string>([...rowKeys, ...Object.keys(nameColumns)])
  return { device, point, keys: new Map([...at].filter(([key]) => !apart.has(key))), names: { ...(zh === undefined ? {} : { zh }), ...(en === undefined ? {} : { en }) } }
}

interface Row { readonly row: number; readonly cells: readonly string[]; readonly device: SiteDevice; readonly point: string; readonly header: Header; readonly drivers: Drivers; readonly decimalComma: boolean; readonly report: CellReport }

function readRow({ row, cells, device, point, header, drivers, decimalComma, report }: Row): PointChange {
  const inherited = Object.hasOwn(device.inherited, point) ? device.inherited[point]! : {}
  const own = Object.hasOwn(device.own, point) ? device.own[point]! : {}
  const set: PlainObject = {}
  const unset: string[] = []
  const ask = (key: string, wanted: Plain | undefined, schema: z.ZodType): void => {
    if (wanted === undefined) { if (Object.hasOwn(own, key)) unset.push(key); return }
    const now = Object.hasOwn(own, key) ? own[key] : inherited[key]
    if (same(schema, wanted, now)) return
    if (Object.hasOwn(inherited, key) && same(schema, wanted, inherited[key])) unset.push(key)
    else set[key] = wanted
  }
  const columns: Record<string, number> = Object.fromEntries([...header.keys].map(([key, index]) => [key, index + 1]))
  const nameColumn = header.names.zh ?? header.names.en
  if (nameColumn !== undefined) {
    columns.name = nameColumn + 1
    ask('name', nameOf(cells, header, inherited.name, own.name), label)
  }
  for (const [key, index] of header.keys) {
    const cell = cells[index] ?? ''
    const schema = schemaOf(drivers, device.driver, key)
    if (!schema) { if (cell.trim() !== '') report(row, index + 1, `${device.id} is on driver ${device.driver}, which has no ${key}; leave this cell empty`); continue }
    if (cell.trim() === '') { ask(key, undefined, schema); continue }
    const decoded = decodeCell(cell, schema, { decimalComma })
    if ('value' in decoded) ask(key, decoded.value, schema)
    else check(schema, decoded.refused, (_, message) => report(row, index + 1, () => `${device.id}.${point} ${key}: ${typeof message === 'string' ? message : message()}`))
  }
  const isNew = !Object.hasOwn(device.inherited, point) && !Object.hasOwn(device.own, point)
  if (isNew && Object.keys(set).length === 0) report(row, header.point + 1, `${device.id}.${point} is new and the row says nothing of it; a new point needs at least name, type and its address`)
  return { kind: isNew ? 'added' : 'changed', device, point, set, unset, before: effective(device, point), row, columns }
}

/** Both halves together, because a site file overrides a name as a whole. An empty half is the profile's. */
function nameOf(cells: readonly string[], { names }: Header, inherited: Plain | undefined, own: Plain | undefined): Plain | undefined {
  const half = (part: 'zh' | 'en'): Plain | undefined => {
    const index = names[part]
    const text = index === undefined ? '' : unguard(cells[index] ?? '')
    if (text.trim() !== '') return text
    const source = index === undefined ? own ?? inherited : inherited
    return isObject(source) ? source[part] : undefined
  }
  const [zh, en] = [half('zh'), half('en')]
  if (Object.values(names).every((index) => (cells[index] ?? '').trim() === '') && Object.keys(names).length === 2) return undefined
  return zh === undefined && en === undefined ? undefined : { ...(zh === undefined ? {} : { zh }), ...(en === undefined ? {} : { en }) }
}

/** Written differently or left to the default, yet the same to the gateway: 2s and 2000ms, FALSE and nothing. */
function same(schema: z.ZodType, a: Plain, b: Plain | undefined): boolean {
  if (isDeepStrictEqual(a, b)) return true
  const [left, right] = [schema.safeParse(a), schema.safeParse(b)]
  return left.success && right.success && isDeepStrictEqual(left.data, right.data)
}
