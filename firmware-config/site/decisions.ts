import { z } from 'zod'
import type { ConnectionConfig, Facility } from '../../gateway/contract/index.ts'
import { check } from './check.ts'
import type { Drivers } from './devices.ts'
import { placeFiles } from './place-files.ts'
import { isObject, type PlainObject } from './plain.ts'
import type { Report } from './problems.ts'
import type { DecisionSchemas, OpenDecisions, RoomSchemas } from './room-schemas.ts'

/** Reads the keys of the rules room. A missing key gets its schema's default; files lie beside the site file. */
export function readDecisions<D extends DecisionSchemas>(root: PlainObject, schemas: D, report: Report, folder: string): OpenDecisions<D> {
  const read = (schema: z.ZodType, value: unknown, path: readonly (string | number)[]): unknown => { const found = check(schema, value, report, path); return found ? placeFiles(schema, found.data, folder) : null }
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => {
    const value = Object.hasOwn(root, name) ? root[name] : undefined
    const entry = elementOf(schema)
    if (!entry || !Array.isArray(value)) return [name, read(schema, value ?? undefined, [name])]
    return [name, value.map((item, index) => read(entry, item, [name, index]))]
  })) as OpenDecisions<D>
}

/** True when every key and entry could be read. */
export const isWhole = (decisions: OpenDecisions<DecisionSchemas>): boolean => Object.values(decisions).every((value) => value !== null && !(Array.isArray(value) && value.includes(null)))

/** Warnings are given to the caller; everything else is reported. */
export function reviewDecisions<D extends DecisionSchemas>(rooms: RoomSchemas<D>, decisions: OpenDecisions<D>, facility: Facility, report: Report): string[] {
  const warnings: string[] = []
  for (const { path, offset, message, warning } of rooms.review(decisions, facility)) {
    if (warning) warnings.push(message)
    else report(path, message, offset ?? 'value')
  }
  return warnings
}

/** The devices and points as the rules room may know them. */
export function facilityOf(connections: readonly ConnectionConfig[], drivers: Drivers, timezone: string): Facility {
  const points: Facility['points'] extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never = new Map()
  const devices: Facility['devices'] extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never = new Map()
  for (const connection of connections) {
    const schemas = drivers[connection.driver]
    const pushed = schemas?.pushes === true
    const answersMs = connection.settings === null ? undefined : schemas?.answersWithinMs?.(connection.settings)
    for (const device of connection.devices) {
      const { id, name, place, profile } = device
      const where = place === undefined ? {} : { place }
      devices.set(id, { id, name, connectionId: connection.id, ...where, ...(profile === undefined ? {} : { profile }) })
      for (const { id: point, name: label, type, unit, writable, pollMs } of device.points) {
        points.set(point, { id: point, deviceId: id, connectionId: connection.id, ...where, name: label, type, ...(unit === undefined ? {} : { unit }), writable, pollMs, pushed, seenWithinMs: pushed ? null : pollMs + (answersMs ?? 0) })
      }
    }
  }
  return { timezone, points, devices }
}

/** The schema of a list's entries, also below a default. */
export function elementOf(schema: z.ZodType): z.ZodType | null {
  if (schema instanceof z.ZodArray) return schema.element as unknown as z.ZodType
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? elementOf(schema.def.innerType as z.ZodType) : null
}

/** Names of the keys that are lists, for ids told twice. */
export const listsOf = (schemas: DecisionSchemas, root: unknown): string[] => Object.keys(schemas).filter((name) => isObject(root) && Array.isArray(root[name]))
