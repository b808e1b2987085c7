import type { z } from 'zod'
import type { Facility, Review } from '../../gateway/contract/index.ts'
import type { Drivers } from './devices.ts'

/** Top-level keys of the rules room; a list's entries are checked one by one. */
export type DecisionSchemas = Readonly<Record<string, z.ZodType>>
/** As parsed; a key that could not be read is null, and so is an entry of a list, each in its place. */
export type OpenDecisions<D extends DecisionSchemas> = { readonly [K in keyof D]: (z.output<D[K]> extends readonly (infer Entry)[] ? readonly (Entry | null)[] : z.output<D[K]>) | null }

/** Each room's part of the site file, handed in by main and cli: this room imports none of them. */
export interface RoomSchemas<Decisions extends DecisionSchemas = DecisionSchemas, Uplink extends z.ZodType = z.ZodType> {
  readonly drivers: Drivers
  readonly decisions: Decisions
  readonly uplink: Uplink
  /** What only shows once the devices are known: points that are not there, expressions that do not fit. */
  review(decisions: OpenDecisions<Decisions>, facility: Facility): readonly Review[]
}
