import type { Plain } from '../plain.ts'
import type { Migration } from './migration.ts'

/** 5000 is 5s, 50 is 50ms. What is no number is told by the schema. */
const milliseconds = (written: Plain): Plain | undefined => {
  if (typeof written !== 'number') return undefined
  return written >= 1_000 && written % 1_000 === 0 ? `${written / 1_000}s` : `${written}ms`
}

/** One way to write a time, and one word for how long something is kept. */
export const fromVersion1: Migration = {
  from: 1,
  changes: [
    { path: ['journal', 'commitMs'], to: 'commit', value: milliseconds, why: 'a time is written with its unit, as everywhere else in the file' },
    { path: ['access', 'retainDays'], to: 'keepDays', why: 'days to keep are called keepDays, as those of events and photos are' },
  ],
}
