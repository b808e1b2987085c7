import type { z } from 'zod'
import type { PointId } from '../../gateway/contract/index.ts'
import type { Drivers } from './devices.ts'

/** Each room's part of the site file, handed in by main and cli: this room imports none of them. */
export interface RoomSchemas<Rule extends z.ZodType = z.ZodType, Uplink extends z.ZodType = z.ZodType> {
  readonly drivers: Drivers
  readonly rule: Rule
  readonly uplink: Uplink
  watches(rule: z.output<Rule>): readonly PointId[]
}
