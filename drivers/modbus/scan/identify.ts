import { z } from 'zod'
import { formats } from '../settings.ts'

/**
 * What tells a model: one entry of a profile's `identify`. A register (or an object of function 43) and what it holds in a device of this
 * model: one of `equals`, a text that `begins`, a number `between` two, or what the scan itself knows (`is`).
 */
export const identifyCheck = z.strictObject({
  /** What the register is, in words: "meter code". */
  what: z.string().min(1),
  /** Where this fact comes from. */
  source: z.string().min(1),
  table: z.enum(['holding', 'input']).optional(),
  register: z.int().min(0).max(65_535).optional(),
  format: z.enum(formats).default('u16'),
  wordOrder: z.enum(['big', 'little']).default('big'),
  /** Registers of a text. */
  length: z.int().min(1).max(125).optional(),
  /** Object of read device identification: 0 vendor, 1 product code, 2 revision, 4 product name, 5 model. */
  object: z.int().min(0).max(255).optional(),
  equals: z.array(z.union([z.number(), z.string()])).min(1).optional(),
  begins: z.string().min(3).optional(),
  /** From, to; as a firmware's version. */
  between: z.tuple([z.number().positive(), z.number().positive()]).optional(),
  is: z.enum(['unit-id', 'baud-rate']).optional(),
  /** With `is: baud-rate`: what the register holds at each rate, where that is not the rate itself. */
  codes: z.record(z.string().regex(/^\d+$/), z.number()).optional(),
  /** A device that holds something else here is another model. */
  excludes: z.boolean().default(false),
  /** Many models of the maker have it: it supports an identification and is none. */
  family: z.boolean().default(false),
}).superRefine((check, context) => {
  const problem = (path: string, message: string): void => { context.addIssue({ code: 'custom', path: [path], message }) }
  if ((check.object === undefined) === (check.table === undefined || check.register === undefined)) problem('register', 'say where: table and register, or object')
  if ([check.equals, check.begins, check.between, check.is].filter((each) => each !== undefined).length !== 1) problem('equals', 'say what it holds: one of equals, begins, between, is')
  if (check.format === 'string' && check.object === undefined && check.length === undefined) problem('length', 'a text needs its length in registers')
  if (check.codes && check.is !== 'baud-rate') problem('codes', 'codes go with is: baud-rate')
})
export type IdentifyCheck = z.output<typeof identifyCheck>
