import { durationText } from '../../../rules/expression/parse.ts'

/** A length of time with two units at most: `150 ms`, `1m30s`, `3h5m`, `2d4h`. */
export function lengthText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const grain = ms < 3_600_000 ? 1_000 : ms < 86_400_000 ? 60_000 : 3_600_000
  return durationText(Math.round(ms / grain) * grain)
}
