import type { z } from 'zod'
import type { DriverSchemas, PointConfig } from '../../gateway/contract/index.ts'
import { check, unknownKey } from './check.ts'
import type { PlainObject } from './plain.ts'
import type { Report } from './problems.ts'
import { pointSchema } from './schema.ts'

type Common = z.output<typeof pointSchema>
export type ParsedPoint = Omit<PointConfig, 'id' | 'deviceId'>

/** The raw keys of one mapping, sorted by owner. Strangers are reported with all known names to choose from. */
export function split(raw: PlainObject, common: z.ZodObject, own: z.ZodObject, report: Report): { readonly common: PlainObject; readonly own: PlainObject } {
  const parts: { common: PlainObject; own: PlainObject } = { common: {}, own: {} }
  for (const [key, value] of Object.entries(raw)) {
    if (Object.hasOwn(common.shape, key)) parts.common[key] = value
    else if (Object.hasOwn(own.shape, key)) parts.own[key] = value
    else report([key], () => unknownKey(key, [...Object.keys(common.shape), ...Object.keys(own.shape)]), 'key')
  }
  return parts
}

/** One merged point; null when anything was reported. Paths are relative to the point. */
export function checkPoint(raw: PlainObject, schemas: DriverSchemas, report: Report): ParsedPoint | null {
  let wrong = false
  const noting: Report = (...problem) => { wrong = true; report(...problem) }
  const parts = split(raw, pointSchema, schemas.point, noting)
  const common = check(pointSchema, parts.common, noting)
  const address = check(schemas.point, parts.own, noting)
  if (common) reviewPoint(common.data, parts.common, noting)
  if (wrong || !common || !address) return null
  const { heartbeat, poll, unit, ...rest } = common.data
  const numeric = rest.type === 'number' ? { unit: unit ?? '1' } : {}
  return { ...rest, ...numeric, heartbeatMs: heartbeat, pollMs: poll, address: address.data }
}

/** Units as they are often written, which UCUM spells otherwise. */
const spelling: Readonly<Record<string, string>> = { kWh: 'kW.h', Wh: 'W.h', VA: 'V.A', kVA: 'kV.A', C: 'Cel', ppm: '[ppm]', lux: 'lx', RH: '%' }
const numberKeys = ['unit', 'scale', 'offset', 'min', 'max', 'deadband'] as const

function reviewPoint(point: Common, written: PlainObject, report: Report): void {
  if (point.type !== 'number') {
    for (const key of numberKeys) if (key in written) report([key], `a ${point.type} has no ${key}; remove it, or set type: number`, 'key')
  }
  if (point.type !== 'boolean' && point.invert) report(['invert'], 'only a boolean can be inverted', 'key')
  if (point.unit !== undefined && Object.hasOwn(spelling, point.unit)) report(['unit'], `units are UCUM codes: write "${spelling[point.unit]}" for "${point.unit}"`)
  if (point.min !== undefined && point.max !== undefined && point.min > point.max) report(['min'], `min ${point.min} is above max ${point.max}`)
  if (point.cityWrite && !point.writable) report(['cityWrite'], 'the city cannot write a point that is not writable; set writable: true, or remove this', 'key')
}
