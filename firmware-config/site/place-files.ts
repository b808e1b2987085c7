import path from 'node:path'
import type { z } from 'zod'
import type { ConnectionConfig } from '../../gateway/contract/index.ts'
import { filePath } from '../../gateway/kit/schema.ts'
import type { Drivers } from './devices.ts'
import { isObject } from './plain.ts'
import { child, unwrap } from './schema-keys.ts'

/** A parsed value whose file paths, wherever its schema says `filePath`, lie beside the site file; absolute ones stay. */
export function placeFiles<T>(schema: z.core.$ZodType, value: T, folder: string): T {
  return place([schema], value, folder) as T
}

function place(schemas: readonly z.core.$ZodType[], value: unknown, folder: string): unknown {
  if (typeof value === 'string') return schemas.flatMap(unwrap).includes(filePath) ? path.resolve(folder, value) : value
  const below = (part: string | number): readonly z.core.$ZodType[] => schemas.flatMap((each) => child(each, part))
  if (Array.isArray(value)) return value.map((item, index) => place(below(index), item, folder))
  // What a schema made of it, such as a compiled expression, holds no paths.
  return isObject(value) && Object.getPrototypeOf(value) === Object.prototype ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, place(below(key), item, folder)])) : value
}

export function placeConnectionFiles(connection: ConnectionConfig, drivers: Drivers, folder: string): ConnectionConfig {
  const schemas = drivers[connection.driver]!
  return {
    ...connection, settings: placeFiles(schemas.connection, connection.settings, folder),
    devices: connection.devices.map((device) => ({ ...device, settings: placeFiles(schemas.device, device.settings, folder) })),
  }
}
