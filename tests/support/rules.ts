import { z } from 'zod'
import type { Facility, Rule } from '../../gateway/contract/index.ts'
import { createRules } from '../../rules/index.ts'
import { expandLibrary } from '../../rules/library/expand.ts'
import { decisionSchemas } from '../../rules/site.ts'

const nowhere: Facility = { timezone: 'Asia/Shanghai', points: new Map(), devices: new Map() }

/** The rules of a piece of a site file, as they stand in it. */
export function rulesOf(decisions: { readonly rules?: readonly object[]; readonly scenes?: readonly object[]; readonly schedules?: readonly object[]; readonly calendar?: object }, facility = nowhere): readonly Rule[] {
  const { rules, scenes, schedules, calendar } = decisionSchemas
  const read = z.object({ rules, scenes, schedules, calendar }).parse(decisions)
  return createRules(read, facility, expandLibrary(read.rules, facility))
}
