import { didYouMean } from '../../gateway/kit/suggest.ts'
import type { Frame, InputState, Known, Measure, Needs, Part, Scope, Type, Wake } from './scope.ts'

/** A call while it is checked. Its methods throw ExpressionError at the argument that is wrong. */
export interface Call {
  readonly name: string
  readonly text: string
  readonly scope: Scope
  readonly needs: Needs
  readonly start: number
  /** The name of an input, of one of these types. */
  input(index: number, ...types: readonly Part['type'][]): { readonly slot: number; readonly name: string; readonly type: Part['type'] }
  /** A constant duration within the limits of a window. */
  span(index: number): number
  /** A constant duration of any length. */
  duration(index: number): number
  constant(index: number): { readonly value: string; readonly start: number }
  part(index: number, type: Type): Part
  fail(index: number, message: string): never
}
export interface Made { readonly type: Type; readonly run: (frame: Frame) => Known; readonly children?: readonly Part[]; readonly least?: number; readonly most?: number }
export interface FunctionKind {
  readonly signature: string
  readonly arguments: number
  readonly means: string
  make(call: Call): Made
}

const hourMs = 3_600_000

const windowed = (measure: Measure, means: string, ...types: readonly Part['type'][]): FunctionKind => ({
  signature: `${measure}(p, 5m)`, arguments: 2, means,
  make(call) {
    const { slot } = call.input(0, ...types)
    const window = call.needs.window(slot, call.span(1), measure)
    if (measure === 'count' || measure === 'sum') call.needs.counted.add(slot)
    call.needs.wakes.push((frame) => frame.windows[window]!.boundary(frame.now))
    return { type: 'number', run: (frame) => frame.windows[window]!.measure(measure, frame.now), ...(measure === 'count' ? { least: 0 } : {}) }
  },
})

/** Since when the input is silent (pushed) or bad (polled); -1: it is neither. */
const staleSince = (input: InputState, frame: Frame): number => {
  if (input.pushed) return input.seen ? input.heardAt : frame.startedAt
  if (!input.seen) return frame.startedAt
  return input.badSince
}

const field = (name: 'hour' | 'minute' | 'weekday', unit: 'hour' | 'minute' | 'day', least: number, most: number, means: string): FunctionKind => ({
  signature: `${name}()`, arguments: 0, means,
  make({ needs }) {
    needs.wakes.push((frame) => frame.calendar.next(unit, frame.now))
    return { type: 'number', least, most, run: (frame) => frame.calendar.fields(frame.now)[name] }
  },
})
const day = (name: 'workday' | 'holiday', means: string): FunctionKind => ({
  signature: `${name}()`, arguments: 0, means,
  make({ needs }) {
    needs.wakes.push((frame) => frame.calendar.next('day', frame.now))
    return { type: 'boolean', run: (frame) => frame.calendar.fields(frame.now)[name] }
  },
})
const numeric = (name: 'abs' | 'round' | 'floor' | 'ceil', means: string): FunctionKind => ({
  signature: `${name}(x)`, arguments: 1, means,
  make(call) {
    const part = call.part(0, 'number')
    return { type: 'number', children: [part], run: (frame) => { const value = part.run(frame); return value === null ? null : Math[name](value as number) } }
  },
})

/** Everything a rule can call, with what it means; rules/README.md says the same at length. */
export const functions: Readonly<Record<string, FunctionKind>> = {
  avg: windowed('avg', 'mean over time; of a boolean the share of time it was true', 'number', 'boolean'),
  min: windowed('min', 'least value', 'number'),
  max: windowed('max', 'greatest value', 'number'),
  sum: windowed('sum', 'sum of the readings', 'number'),
  count: windowed('count', 'number of good readings; of a boolean how often it became true', 'number', 'boolean', 'string'),
  rate: windowed('rate', 'change an hour', 'number'),
  delta: windowed('delta', 'last value less first', 'number'),
  stale: {
    signature: 'stale(p, 2m)', arguments: 2, means: 'a pushed point has said nothing for so long, or a polled one has been bad',
    make(call) {
      const { slot } = call.input(0)
      const ms = call.duration(1)
      // Silence ends with any reading, also one that says nothing new.
      call.needs.counted.add(slot)
      call.needs.wakes.push((frame) => {
        const since = staleSince(frame.inputs[slot]!, frame)
        return since >= 0 && since + ms > frame.now ? since + ms : Infinity
      })
      return { type: 'boolean', run: (frame) => { const since = staleSince(frame.inputs[slot]!, frame); return since >= 0 && frame.now - since >= ms } }
    },
  },
  bad: {
    signature: 'bad(p)', arguments: 1, means: 'the point gives no value: no answer, a broken wire, a sentinel code',
    make(call) {
      const { slot } = call.input(0)
      return { type: 'boolean', run: (frame) => { const input = frame.inputs[slot]!; return input.seen ? input.bad : null } }
    },
  },
  changed: {
    signature: 'changed(p)', arguments: 1, means: 'the value has just become another',
    make(call) {
      const { slot } = call.input(0)
      call.needs.pulsed.add(slot)
      return { type: 'boolean', run: (frame) => frame.inputs[slot]!.pulse }
    },
  },
  since: {
    signature: 'since(p)', arguments: 1, means: 'how long the value has been what it is',
    make(call) {
      const { slot } = call.input(0)
      return { type: 'duration', least: 0, run: (frame) => { const input = frame.inputs[slot]!; return input.value === null ? null : frame.now - input.changedAt } }
    },
  },
  schedule: {
    signature: `schedule('office-hours')`, arguments: 1, means: 'it is within the hours of the schedule',
    make(call) {
      const { value: id } = call.constant(0)
      if (!call.scope.schedules.has(id)) call.fail(0, `no schedule "${id.slice(0, 48)}"${didYouMean(id, call.scope.schedules)}`)
      call.needs.wakes.push((frame) => frame.calendar.boundary(id, frame.now))
      return { type: 'boolean', run: (frame) => frame.calendar.open(id, frame.now) }
    },
  },
  workday: day('workday', 'today is a working day: Monday to Friday or a make-up day, and no holiday'),
  holiday: day('holiday', 'today is on the list of holidays'),
  hour: field('hour', 'hour', 0, 23, 'hour of the day, 0 to 23'),
  minute: field('minute', 'minute', 0, 59, 'minute of the hour, 0 to 59'),
  weekday: field('weekday', 'day', 1, 7, 'day of the week, 1 is Monday'),
  abs: numeric('abs', 'without its sign'), round: numeric('round', 'to the nearest whole number'),
  floor: numeric('floor', 'down to a whole number'), ceil: numeric('ceil', 'up to a whole number'),
  duration: {
    signature: `duration('5m')`, arguments: 1, means: 'the same as 5m',
    make(call) { const ms = call.duration(0); return { type: 'duration', run: () => ms } },
  },
  size: {
    signature: 'size(text)', arguments: 1, means: 'number of characters',
    make(call) {
      const part = call.part(0, 'string')
      return { type: 'number', least: 0, children: [part], run: (frame) => { const value = part.run(frame); return value === null ? null : [...(value as string)].length } }
    },
  },
}

export const methods: Readonly<Record<string, (text: string, argument: string) => boolean>> = {
  contains: (text, part) => text.includes(part), startsWith: (text, part) => text.startsWith(part), endsWith: (text, part) => text.endsWith(part),
}

/** A wake for `since(p)` compared with a constant: at that very moment, and one millisecond on where the sign is strict. */
export const sinceReaches = (slot: number, ms: number): Wake => (frame) => {
  const input = frame.inputs[slot]!
  if (input.value === null) return Infinity
  const at = input.changedAt + ms
  if (at > frame.now) return at
  return at + 1 > frame.now ? at + 1 : Infinity
}
/** Anything else made of `since(p)` is looked at every second. */
export const everySecond: Wake = (frame) => (Math.floor(frame.now / 1_000) + 1) * 1_000

/** What a window may span. */
export const spans = { least: 5_000, most: 31 * 24 * hourMs } as const
