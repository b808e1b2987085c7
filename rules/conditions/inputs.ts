import type { EpochMs, Facility, Json, PointId, Reading } from '../../gateway/contract/index.ts'
import type { InputState, Known } from '../expression/scope.ts'

export interface Input extends InputState {
  readonly name: string
  readonly point: PointId
  readonly type: 'number' | 'boolean' | 'string'
  readonly unit?: string
  /** The device's own time of its newest reading: an older one, late on its road, changes nothing. */
  at: EpochMs
}

export function createInputs(inputs: Readonly<Record<string, PointId>>, facility: Pick<Facility, 'points'>): readonly Input[] {
  return Object.entries(inputs).map(([name, point]) => {
    const { type = 'number', unit, pushed = false } = facility.points.get(point) ?? {}
    return { name, point, type, ...(unit === undefined ? {} : { unit }), pushed, value: null, seen: false, bad: false, last: null, changedAt: 0, heardAt: 0, badSince: -1, pulse: false, at: -Infinity }
  })
}

/** Takes a reading in at `moment`; true when value or quality are others than before. An uncertain value counts. */
export function take(input: Input, { value, quality, at }: Reading, moment: EpochMs): boolean {
  input.heardAt = moment
  if (at < input.at) return false
  input.at = at
  const first = !input.seen
  input.seen = true
  if (quality === 'bad' || typeof value !== input.type) {
    if (input.bad) return first
    input.bad = true
    input.value = null
    input.badSince = moment
    return true
  }
  const news = first || input.bad || value !== input.value
  input.bad = false
  input.badSince = -1
  input.value = value
  if (value !== input.last) {
    input.pulse = input.last !== null
    input.last = value
    input.changedAt = moment
  }
  return news
}

/** The clock went back by so much. */
export function shift(input: Input, byMs: number): void {
  input.at += byMs
  input.heardAt += byMs
  input.changedAt += byMs
  if (input.badSince >= 0) input.badSince = Math.max(0, input.badSince + byMs)
}

/** Nobody listened until `moment`: a polled point is asked again at once, a pushed one may be silent for good reason, and its silence is counted from now. */
export function interrupted(input: Input, moment: EpochMs): void {
  if (input.pushed) { input.heardAt = moment; return }
  input.seen = false
  input.bad = false
  input.badSince = -1
  input.value = null
}

/** In the order of `restoreInput`; short, for there are many. */
export const inputState = (input: Input): Json => [input.point, input.value, input.seen, input.bad, input.last, input.changedAt, input.heardAt, input.badSince, Number.isFinite(input.at) ? input.at : null]

/** Another shape, or another point under this name, is ignored. */
export function restoreInput(input: Input, state: Json | undefined): void {
  if (!Array.isArray(state) || state[0] !== input.point) return
  const [, value, seen, bad, last, changedAt, heardAt, badSince, at] = state as readonly Json[]
  if (typeof seen !== 'boolean' || typeof bad !== 'boolean' || !isKnown(value, input) || !isKnown(last, input)) return
  if (typeof changedAt !== 'number' || typeof heardAt !== 'number' || typeof badSince !== 'number') return
  Object.assign(input, { value, seen, bad, last, changedAt, heardAt, badSince, at: typeof at === 'number' ? at : -Infinity })
}

const isKnown = (value: Json | undefined, { type }: Input): value is Known => value === null || typeof value === type
