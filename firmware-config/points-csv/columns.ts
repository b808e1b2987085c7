import type { z } from 'zod'
import type { Drivers } from '../site/devices.ts'
import { pointKeys } from '../site/schema.ts'

/** The two columns that say which point a row is. */
export const rowKeys = ['device', 'point'] as const
/** A label is two cells. */
export const nameColumns = { 'name.zh': 'zh', 'name.en': 'en' } as const

const commonKeys = Object.keys(pointKeys.shape).filter((key) => key !== 'name')

/** Column names in their order, stable for a set of drivers: device, point, both names, the common keys of a point, then each driver's address keys. */
export function columnsOf(drivers: Drivers, used: Iterable<string>): readonly string[] {
  const addresses = [...used].flatMap((driver) => Object.keys(drivers[driver]?.point.shape ?? {}))
  return [...new Set([...rowKeys, ...Object.keys(nameColumns), ...commonKeys, ...addresses])]
}

/** The schema of a point's key under a driver; undefined when that driver's points have no such key. */
export function schemaOf(drivers: Drivers, driver: string, key: string): z.ZodType | undefined {
  if (Object.hasOwn(pointKeys.shape, key)) return pointKeys.shape[key as keyof typeof pointKeys.shape]
  const shape = drivers[driver]?.point.shape ?? {}
  return Object.hasOwn(shape, key) ? shape[key] as z.ZodType : undefined
}
