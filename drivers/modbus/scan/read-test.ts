import type { Label, Value } from '../../../gateway/contract/index.ts'
import { widthOf } from '../registers.ts'
import { checkDecoding, type DecodeFinding, type Look } from './decode-check.ts'
import { DeviceReader } from './device-reader.ts'
import { readValues, type ScanProfile } from './fingerprint.ts'
import type { ScanLine } from './scan-line.ts'

/** One point as it is now, in its own unit; `value` null with the reason where there is none. */
export interface TestedPoint { readonly id: string; readonly name: Label; readonly value: Value | null; readonly unit?: string; readonly reason?: string }
export interface ReadTest { readonly points: readonly TestedPoint[]; /** What physics says against the map. */ readonly finding: DecodeFinding | null }

const mostText = 80

/**
 * The points of a model as the device gives them now: what an installer compares with the display before anything is saved. Reads only.
 * Throws DriverError when the line is gone.
 */
export async function readTest(line: ScanLine, unit: number, profile: Pick<ScanProfile, 'points' | 'maxRegisters' | 'maxBits'>, timeoutMs: number): Promise<ReadTest> {
  const reader = new DeviceReader(line, unit, timeoutMs)
  const { read = [] } = await readValues(reader, profile, 1) ?? {}
  const points = profile.points.map((point): TestedPoint => {
    const found = read.find((each) => each.point.id === point.id)
    const head = { id: point.id.slice(point.id.indexOf('.') + 1), name: point.name, ...(point.unit === undefined || point.unit === '1' ? {} : { unit: point.unit }) }
    if (!found) return { ...head, value: null, reason: 'MODBUS_ILLEGAL_ADDRESS' }
    if (point.sentinels.includes(found.raw)) return { ...head, value: null, reason: 'POINT_SENTINEL' }
    // A stranger's text goes to a terminal and a page: printable, and not long.
    if (typeof found.raw === 'string') return { ...head, value: found.raw.replace(/[^\x20-\x7e\u00a0-\u00ff]/g, '?').slice(0, mostText) }
    const value = typeof found.raw === 'number' ? Number((found.raw * point.scale + point.offset).toPrecision(9)) : typeof found.raw === 'boolean' && point.invert ? !found.raw : found.raw
    return { ...head, value, ...(typeof value === 'number' && (value < (point.min ?? -Infinity) || value > (point.max ?? Infinity)) ? { reason: 'POINT_OUT_OF_RANGE' } : {}) }
  })
  return { points, finding: await lastingFinding(reader, profile) }
}

/** What physics says twice: a load that changed between two reads breaks a law once, a wrong map always. */
async function lastingFinding(reader: DeviceReader, profile: Pick<ScanProfile, 'points' | 'maxRegisters' | 'maxBits'>): Promise<DecodeFinding | null> {
  if (!checkDecoding(profile.points, [lookOf(reader, profile)])) return null
  const again = reader.anew()
  await readValues(again, profile, 1)
  return checkDecoding(profile.points, [lookOf(again, profile)])
}

/** The registers of every point, as they were read a moment ago (nothing is asked twice). */
function lookOf(reader: DeviceReader, { points }: Pick<ScanProfile, 'points'>): Look {
  const registers = new Map<string, Buffer>()
  for (const point of points) {
    const { table, register } = point.address
    if (point.type !== 'number' || (table !== 'holding' && table !== 'input')) continue
    const bytes = reader.known(table, register, widthOf(point.address))
    if (bytes) registers.set(point.id, bytes)
  }
  return { atMs: 0, registers }
}

