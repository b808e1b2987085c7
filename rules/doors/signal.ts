import type { Reading } from '../../gateway/contract/index.ts'
import type { Signal } from './schema.ts'

export type Seen = 'on' | 'off' | 'unknown'

/** A bad value is unknown, never off. An uncertain one is what was known last, and counts. */
export function seenOf(signal: Signal, { quality, value }: Pick<Reading, 'quality' | 'value'>): Seen {
  if (quality === 'bad' || value === null || typeof value !== typeof signal.equals) return 'unknown'
  return value === signal.equals ? 'on' : 'off'
}
