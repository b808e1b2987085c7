import { stringify } from 'csv-stringify/sync'
import { isObject, type Plain, type PlainObject } from '../site/plain.ts'
import type { RoomSchemas } from '../site/room-schemas.ts'
import { encodeCell, guard } from './cell.ts'
import { columnsOf, nameColumns, schemaOf } from './columns.ts'
import { effective, pointNames, readDevices, type SiteDevice } from './site-points.ts'

/**
 * Every point of a site file as CSV: what profile and site file say of it, merged; a cell is empty where both are silent. UTF-8 with a
 * byte order mark and CRLF, so that spreadsheets open it as it is. Throws SiteError for a site file that `linli check` would refuse.
 */
export async function exportPoints(file: string, rooms: RoomSchemas): Promise<{ readonly csv: string; readonly points: number }> {
  const devices = await readDevices(file, rooms)
  const columns = columnsOf(rooms.drivers, new Set(devices.map(({ driver }) => driver)))
  const rows = devices.flatMap((device) => pointNames(device).map((point) => {
    const values = effective(device, point)
    return columns.map((column) => cellOf(column, device, point, values, rooms))
  }))
  return { csv: stringify([[...columns], ...rows], { bom: true, record_delimiter: 'windows' }), points: rows.length }
}

function cellOf(column: string, device: SiteDevice, point: string, values: PlainObject, rooms: RoomSchemas): string {
  if (column === 'device') return guard(device.id)
  if (column === 'point') return guard(point)
  const part = Object.hasOwn(nameColumns, column) ? nameColumns[column as keyof typeof nameColumns] : undefined
  if (part) return isObject(values.name) ? guard(String(values.name[part])) : ''
  const schema = schemaOf(rooms.drivers, device.driver, column)
  return schema && Object.hasOwn(values, column) ? encodeCell(values[column] as Plain, schema) : ''
}
