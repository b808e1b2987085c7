import type { DeviceConfig, EpochMs, PointConfig, PointId, Random, Value } from '../../contract/index.ts'
import { limitsOf, mappedValues, nameOf, round, wander, within, wrapped } from './limits.ts'
import { isElectrical, isMeter, meterModel } from './meter.ts'

/** What moves together in one device. Milliseconds and scaled units. */
interface Model { step(dtMs: number, set: (pointId: PointId, value: Value) => void): void }

/**
 * The physics behind simulated devices, drawn from what their points say they are (unit, type, name): V·I·PF = P, energy only rises, doors
 * open and close again, paper runs out. Deterministic for a given `random` and start. A point that the gateway may write keeps what was
 * written. Every value lies within the point's min and max and what its register can hold.
 */
export class World {
  readonly #models: readonly Model[]

  /** `startedAt`: a world that starts later goes on with higher counters, as real meters do while nobody looks. */
  constructor(devices: readonly DeviceConfig[], random: Random, startedAt: EpochMs = 0) {
    this.#models = devices.flatMap((device) => modelsOf(device, random, startedAt))
  }

  /** Scaled values of the points that move, after `dtMs` more. The first step gives every point its first value. */
  step(dtMs: number): ReadonlyMap<PointId, Value> {
    const out = new Map<PointId, Value>()
    for (const model of this.#models) model.step(dtMs, (pointId, value) => out.set(pointId, value))
    return out
  }
}

function modelsOf({ points }: DeviceConfig, random: Random, startedAt: EpochMs): Model[] {
  const moving = points.filter(({ writable }) => !writable)
  const find = (pattern: RegExp, type: PointConfig['type']): PointConfig | undefined => moving.find((point) => point.type === type && pattern.test(nameOf(point)))
  const meter = isMeter(moving) ? moving.filter(isElectrical) : []
  const paper = find(/^paper(-left|-level)?$/, 'number')
  const printer = paper && find(/^printer(-state)?$/, 'string')
  const [open, forced, held] = [find(/^(door-)?(open|contact|door)$/, 'boolean'), find(/forced/, 'boolean'), find(/held/, 'boolean')]
  const door = open && (forced ?? held) ? [open, forced, held] : []
  const taken = new Set<PointConfig | undefined>([...meter, paper, printer, ...door])
  return [
    ...(meter.length > 0 ? [meterModel(meter, random, startedAt)] : []),
    ...(paper ? [paperModel(paper, printer, random)] : []),
    ...(open && door.length > 0 ? [doorModel(open, forced, held, random)] : []),
    ...moving.filter((point) => !taken.has(point)).map((point) => pointModel(point, random, startedAt)),
  ]
}

/** Paper of a terminal: used by its visitors, out of it for a while, refilled. The printer says so in the profile's own words. */
function paperModel(paper: PointConfig, printer: PointConfig | undefined, random: Random): Model {
  const words = printer ? mappedValues(printer) : []
  const empty = words.find((word) => /paper|empty|缺纸/i.test(String(word))) ?? 'no-paper'
  const well = usual(words.filter((word) => word !== empty)) ?? 'ok'
  const full = Math.min(100, limitsOf(paper).high)
  let left = full * (0.12 + random() * 0.8)
  let emptyMs = 0
  return {
    step(dtMs, set) {
      left = Math.max(0, left - random() * dtMs / 400_000 * full)
      emptyMs = left === 0 ? emptyMs + dtMs : 0
      if (emptyMs > 120_000) left = full
      set(paper.id, within(paper, Math.ceil(left)))
      if (printer) set(printer.id, left === 0 ? empty : well)
    },
  }
}

const heldAfterMs = 20_000

/** Opened and closed by visitors all day; now and then held open too long, seldom forced. */
function doorModel(open: PointConfig, forced: PointConfig | undefined, held: PointConfig | undefined, random: Random): Model {
  let state = { open: false, forced: false, openMs: 0 }
  let leftMs = random() * 10_000
  return {
    step(dtMs, set) {
      leftMs -= dtMs
      if (leftMs <= 0) {
        const chance = random()
        state = { open: !state.open, forced: !state.open && forced !== undefined && chance < 0.02, openMs: 0 }
        leftMs = !state.open ? 3_000 + random() * 20_000 : held && chance > 0.95 ? 40_000 + random() * 80_000 : 1_000 + random() * 5_000
      } else if (state.open) state = { ...state, openMs: state.openMs + dtMs }
      set(open.id, state.open)
      if (forced) set(forced.id, state.forced)
      if (held) set(held.id, state.open && state.openMs >= heldAfterMs)
    },
  }
}

/** In the point's unit: where a value stays, how far it wanders in a step, and its limits. */
const shapes: Readonly<Record<string, readonly [middle: number, swing: number, low: number, high: number]>> = {
  Cel: [24, 0.08, -40, 80], K: [297, 0.08, 233, 353], '[degF]': [75, 0.15, -40, 176], '%': [52, 0.3, 0, 100], lx: [300, 8, 0, 65_000], ppm: [600, 8, 350, 5_000], '[ppm]': [600, 8, 350, 5_000], 'ug/m3': [30, 1, 0, 500],
  hPa: [1_013, 0.1, 900, 1_100], Pa: [101_300, 10, 90_000, 110_000], kPa: [101.3, 0.01, 90, 110], bar: [3, 0.02, 0, 16], V: [5, 0.01, 0, 30], mV: [3_000, 2, 0, 5_000],
  A: [1, 0.02, 0, 100], W: [40, 2, 0, 4_000], m: [2, 0.05, 0, 8], mm: [2_000, 50, 0, 8_000], 'm3/h': [1.5, 0.05, 0, 10], 'L/min': [12, 0.5, 0, 100], 'dB[SPL]': [45, 1, 20, 120],
}

function pointModel(point: PointConfig, random: Random, startedAt: EpochMs): Model {
  const name = nameOf(point)
  const words = mappedValues(point)
  if (point.type === 'boolean') return contactModel(point, random)
  if (words.length > 0) return wordModel(point, words, random)
  if (point.type === 'string') return still(point, 'ok')
  if (/^(seq|count)$|(^|-)(count|counter)$/.test(name)) { let count = 0; return { step: (_, set) => set(point.id, wrapped(point, ++count)) } }
  if (/(energy|volume|total)$/.test(name)) return counterModel(point, random, startedAt)
  const [usualMiddle, swing, lowest, highest] = shapes[point.unit ?? '1'] ?? [1, 0, -Infinity, Infinity]
  const { low, high } = limitsOf(point)
  // A range of its own says more of a point than its unit: a freezer is not at 24 °C.
  const middle = usualMiddle >= low && usualMiddle <= high ? usualMiddle : Number.isFinite(low) && Number.isFinite(high) ? (low + high) / 2 : within(point, usualMiddle)
  const step = Number.isFinite(high - low) ? Math.min(swing, (high - low) / 50) : swing
  let value = middle
  return { step: (_, set) => { value = within(point, clamp(wander(value, middle, step, random), Math.min(lowest, middle), Math.max(highest, middle))); set(point.id, within(point, round(value, 2))) } }
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/** One a minute, since the year began. */
function counterModel(point: PointConfig, random: Random, startedAt: EpochMs): Model {
  let total = Math.max(random() * 1_000, (startedAt - Date.UTC(2026, 0, 1)) / 60_000)
  return { step: (dtMs, set) => { total += dtMs / 60_000; set(point.id, wrapped(point, Math.floor(total * 100) / 100)) } }
}

const usual = (words: readonly Value[]): Value | undefined => words.find((word) => /^(ok|normal|ready|idle|online|on|0|正常)$/i.test(String(word))) ?? words[0]

/** Mostly the usual word of the profile's `map`, now and then another one for a while. */
function wordModel(point: PointConfig, words: readonly Value[], random: Random): Model {
  let leftMs = 0
  let word = usual(words)!
  return {
    step(dtMs, set) {
      leftMs -= dtMs
      if (leftMs <= 0) {
        word = word === usual(words) && random() < 0.01 ? words[Math.floor(random() * words.length)]! : usual(words)!
        leftMs = word === usual(words) ? 1_000 : 20_000 + random() * 40_000
      }
      set(point.id, word)
    },
  }
}

/** Names of contacts that are only true when something is wrong; the others come and go. */
const quiet = /alarm|smoke|leak|fault|tamper|forced|held|emergency|call|help|(^|-)(low|test)$/
const steadyTrue = /online|power|mains|ok$/

function contactModel(point: PointConfig, random: Random): Model {
  const name = nameOf(point)
  if (quiet.test(name)) return still(point, false)
  if (steadyTrue.test(name)) return still(point, true)
  let on = false
  let leftMs = random() * 10_000
  return {
    step(dtMs, set) {
      leftMs -= dtMs
      if (leftMs <= 0) { on = !on; leftMs = on ? 1_000 + random() * 5_000 : 3_000 + random() * 20_000 }
      set(point.id, on)
    },
  }
}

function still(point: PointConfig, value: Value): Model {
  let told = false
  return { step: (_, set) => { if (!told) set(point.id, value); told = true } }
}
