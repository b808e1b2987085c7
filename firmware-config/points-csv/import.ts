import { isDeepStrictEqual } from 'node:util'
import { DataError } from '../../gateway/kit/index.ts'
import { SiteError, type SiteProblem } from '../site/index.ts'
import type { PlainObject } from '../site/plain.ts'
import { formatPath, Problems } from '../site/problems.ts'
import { readText } from '../site/read-text.ts'
import type { RoomSchemas } from '../site/room-schemas.ts'
import { cellReport, readCsv } from './csv-file.ts'
import { editSite } from './edit.ts'
import { planImport, type Plan, type PointChange } from './plan.ts'
import { effective, pointNames, readDevices, type SiteDevice } from './site-points.ts'

export interface ImportOptions {
  /** Points that the table leaves out go from the site file, of devices the table names; a profile's points stay. */
  readonly remove?: boolean
}

/** A site file's text with a table's points in it, not yet written. `text` is the file's own, byte for byte, when nothing changes. */
export interface Import extends Plan { readonly text: string }

/**
 * Throws SiteError with everything wrong with the table, each with file, row and column; with what `linli check` would find in the result;
 * or with what is wrong with the site file itself. Throws DataError POINTS_SHARED where a change would reach another device.
 */
export async function importPoints(siteFile: string, csvFile: string, rooms: RoomSchemas, { remove = false }: ImportOptions = {}): Promise<Import> {
  const text = await siteText(siteFile)
  const before = await readDevices(siteFile, rooms, text)
  const problems = new Problems()
  const table = await readCsv(csvFile, cellReport(csvFile, problems))
  problems.throwIfAny(csvFile)
  const plan = planImport(table!, before, rooms.drivers, remove, cellReport(csvFile, problems))
  problems.throwIfAny(csvFile)
  if (plan.changes.length === 0) return { ...plan, text }
  const edited = editSite(text, plan.changes)
  const after = await readDevices(siteFile, rooms, edited).catch((error: unknown) => { throw error instanceof SiteError ? atCells(error, plan.changes, siteFile, csvFile) : error })
  if (!isDeepStrictEqual(everything(after), expected(before, plan.changes))) {
    throw new DataError('POINTS_SHARED', `the change would reach more of ${siteFile} than the table says: some points are shared by an anchor (&) or an alias (*); write them out at each device, then import again`)
  }
  return { ...plan, text: edited }
}

/** Read once: what is planned is planned on the text that is edited. */
async function siteText(file: string): Promise<string> {
  const read = await readText(file)
  if ('text' in read) return read.text
  const problems = new Problems()
  const { line = 1, column = 1 } = read
  cellReport(file, problems)(line, column, read.problem)
  throw new SiteError(problems.sorted())
}

const everything = (devices: readonly SiteDevice[]): ReadonlyMap<string, PlainObject> =>
  new Map(devices.flatMap((device) => pointNames(device).map((point) => [`${device.id}.${point}`, effective(device, point)] as const)))

function expected(devices: readonly SiteDevice[], changes: readonly PointChange[]): ReadonlyMap<string, PlainObject> {
  const own = new Map(devices.map((device) => [device, { ...device.own } as Record<string, PlainObject>]))
  for (const { kind, device, point, set, unset } of changes) {
    const points = own.get(device)!
    if (kind === 'removed') delete points[point]
    else points[point] = { ...Object.fromEntries(Object.entries(points[point] ?? {}).filter(([key]) => !unset.includes(key))), ...set }
  }
  return everything(devices.map((device) => ({ ...device, own: own.get(device)! })))
}

/** The result's problems told at the cells that cause them. */
function atCells({ problems }: SiteError, changes: readonly PointChange[], siteFile: string, csvFile: string): SiteError {
  const cells = new Map<string, { readonly change: PointChange; readonly key?: string }>()
  for (const change of changes) {
    const path = ['devices', change.device.index, 'points', change.point]
    cells.set(formatPath(path), { change })
    for (const key of Object.keys(change.columns)) cells.set(formatPath([...path, key]), { change, key })
  }
  return new SiteError(problems.map((problem) => {
    const found = nearest(problem.path, cells)
    if (!found || found.change.row === 0) return { ...problem, text: `the site file with the table in it: ${problem.text.replace(siteFile, `${siteFile} (as it would be)`)}` }
    const { change: { device, point, row, columns }, key } = found
    const column = key === undefined ? 1 : columns[key]!
    const message = `${device.id}.${point}${key === undefined ? '' : ` ${key}`}: ${problem.message}`
    return { ...problem, file: csvFile, line: row, column, message, text: `${csvFile}:${row}:${column} ${message}` } satisfies SiteProblem
  }))
}

function nearest<T>(path: string, cells: ReadonlyMap<string, T>): T | undefined {
  for (let end = path.length; end > 0; end = Math.max(path.lastIndexOf('.', end - 1), path.lastIndexOf('[', end - 1))) {
    const found = cells.get(path.slice(0, end))
    if (found) return found
  }
  return undefined
}
