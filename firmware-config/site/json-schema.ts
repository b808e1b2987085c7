import { z } from 'zod'
import type { RoomSchemas } from './room-schemas.ts'
import { connectionKeys, deviceKeys, pointKeys, sections, streamSchema } from './schema.ts'

type Shape = Record<string, z.core.$ZodType>

/** JSON Schema (draft 2020-12) of the site file, for editors: from the same zod schemas that check it. */
export function siteJsonSchema({ drivers, decisions, uplink }: RoomSchemas): object {
  const all = Object.entries(drivers)
  const connections = all.map(([name, { connection }]) => z.strictObject({ ...connectionKeys.shape, driver: z.literal(name), ...(connection.shape as Shape) }))
  // Which driver a device belongs to stands at its connection, which a schema cannot follow: any driver's keys may be there.
  const loose = (pick: (schemas: RoomSchemas['drivers'][string]) => z.ZodObject): Shape =>
    Object.assign({}, ...all.map(([, schemas]) => z.object(pick(schemas).shape as Shape).partial().shape)) as Shape
  const point = z.strictObject({ ...(pointKeys.partial().shape as Shape), ...loose(({ point: shape }) => shape) })
  const device = z.strictObject({ ...(deviceKeys.shape as Shape), points: z.record(z.string(), point).optional(), ...loose(({ device: shape }) => shape) })
  const site = z.strictObject({
    ...sections,
    connections: z.array(connections.length > 1 ? z.union(connections) : connections[0]!).optional(),
    devices: z.array(device).optional(), ...decisions, streams: z.array(streamSchema).optional(), uplinks: z.array(uplink).optional(),
  })
  return { title: 'Linli site file', ...z.toJSONSchema(site, { io: 'input', unrepresentable: 'any' }) }
}
