import type { DeviceConfig, PointConfig, PointId, Random, Value } from '../../contract/index.ts'

/** What moves together in one device. Milliseconds and scaled units. */
interface Model { step(dtMs: number, set: (pointId: PointId, value: Value) => void): void }

/**
 * The physics behind simulated devices, drawn from what their points say they are (unit, type, name): V·I·PF = P, energy only rises, doors
 * open and close again, paper runs out. Deterministic for a given `random`. A point that the gateway may write keeps what was written.
 */
export class World {
  readonly #models: readonly Model[]

  constructor(devices: readonly DeviceConfig[], random: Random) {
    this.#models = devices.flatMap((device) => modelsOf(device, random))
  }

  /** Scaled values of the points that move, after `dtMs` more. The first step gives every point its first value. */
  step(dtMs: number): ReadonlyMap<PointId, Value> {
    const out = new Map<PointId, Value>()
    for (const model of this.#models) model.step(dtMs, (pointId, value) => out.set(pointId, value))
    return out
  }
}

const nameOf = (point: PointConfig): string => point.id.slice(point.deviceId.length + 1)
const electrical = new Set(['V', 'A', 'W', 'kW', 'V.A', 'var', 'Hz', 'W.h', 'kW.h'])
const isPowerFactor = (point: PointConfig): boolean => nameOf(point).includes('power-factor')

function modelsOf({ points }: DeviceConfig, random: Random): Model[] {
  const moving = points.filter(({ writable }) => !writable)
  const meter = moving.filter((point) => point.type === 'number' && (electrical.has(point.unit ?? '') || isPowerFactor(point)))
  const isMeter = meter.some(({ unit }) => unit === 'A' || unit === 'W' || unit === 'kW')
  const paper = moving.find((point) => nameOf(point) === 'paper')
  const rest = moving.filter((point) => !(isMeter && meter.includes(point)) && !(paper && /^(paper|printer)$/.test(nameOf(point))))
  return [
    ...(isMeter ? [meterModel(meter, random)] : []),
    ...(paper ? [paperModel(paper, moving.find((point) => nameOf(point) === 'printer'), random)] : []),
    ...rest.map((point) => pointModel(point, random)),
  ]
}

/** Three phases (or one) with a load that wanders; the total is their sum. */
function meterModel(points: readonly PointConfig[], random: Random): Model {
  const phases = [1, 2, 3].map(() => ({ volt: 230, ampere: 2 + random() * 4, factor: 0.93 + random() * 0.05 }))
  const single = !points.some((point) => /-l[123]$/.test(nameOf(point)))
  let importedKwh = 1_000 + Math.round(random() * 1_000)
  let frequency = 50
  const active = (index: number): number => { const { volt, ampere, factor } = phases[index]!; return volt * ampere * factor }
  const used = single ? [0] : [0, 1, 2]
  const value = (point: PointConfig): number => {
    const phase = /-l([123])$/.exec(nameOf(point))?.[1]
    const indexes = phase ? [Number(phase) - 1] : used
    const sum = (of: (index: number) => number): number => indexes.reduce((total, index) => total + of(index), 0)
    const apparent = sum((index) => phases[index]!.volt * phases[index]!.ampere)
    const power = sum(active)
    switch (point.unit) {
      case 'V': return round(phases[indexes[0]!]!.volt, 1)
      case 'A': return round(sum((index) => phases[index]!.ampere), 3)
      case 'W': return round(power, 1)
      case 'kW': return round(power / 1_000, 4)
      case 'V.A': return round(apparent, 1)
      case 'var': return round(Math.sqrt(Math.max(0, apparent ** 2 - power ** 2)), 1)
      case 'Hz': return round(frequency, 2)
      case 'kW.h': return /export/.test(nameOf(point)) ? 0 : round(importedKwh, 2)
      case 'W.h': return /export/.test(nameOf(point)) ? 0 : Math.floor(importedKwh * 1_000)
      default: return round(power / Math.max(1e-9, apparent), 3)
    }
  }
  return {
    step(dtMs, set) {
      for (const index of used) {
        const phase = phases[index]!
        phase.volt = wander(phase.volt, 230, 0.6, random)
        phase.ampere = Math.max(0.2, wander(phase.ampere, 4, 0.15, random))
        phase.factor = Math.min(1, wander(phase.factor, 0.95, 0.005, random))
      }
      frequency = wander(frequency, 50, 0.01, random)
      importedKwh += used.reduce((sum, index) => sum + active(index), 0) * dtMs / 3.6e9
      for (const point of points) set(point.id, value(point))
    },
  }
}

/** Paper of a terminal: used by its visitors, out of it for a while, refilled. */
function paperModel(paper: PointConfig, printer: PointConfig | undefined, random: Random): Model {
  let left = 12 + random() * 80
  let emptyMs = 0
  return {
    step(dtMs, set) {
      left = Math.max(0, left - random() * dtMs / 4_000)
      emptyMs = left === 0 ? emptyMs + dtMs : 0
      if (emptyMs > 120_000) left = 100
      set(paper.id, Math.ceil(left))
      if (printer) set(printer.id, left === 0 ? 'no-paper' : 'ok')
    },
  }
}

/** In the point's unit: where a value stays, how far it wanders in a step, and its limits. */
const shapes: Readonly<Record<string, readonly [middle: number, swing: number, low: number, high: number]>> = {
  Cel: [24, 0.08, -40, 80], '%': [52, 0.3, 0, 100], lx: [300, 8, 0, 65_000], ppm: [600, 8, 350, 5_000], hPa: [1_013, 0.1, 900, 1_100], V: [5, 0.01, 0, 30],
  A: [1, 0.02, 0, 100], W: [40, 2, 0, 4_000], m: [2, 0.05, 0, 8], 'dB[SPL]': [45, 1, 20, 120],
}

function pointModel(point: PointConfig, random: Random): Model {
  const name = nameOf(point)
  if (point.type === 'boolean') return contactModel(point, random)
  if (point.type === 'string') return still(point, 'ok')
  if (/^(seq|count)$|(^|-)(count|counter)$/.test(name)) { let count = 0; return { step: (_, set) => set(point.id, ++count) } }
  if (/(energy|volume|total)$/.test(name)) { let total = Math.round(random() * 1_000); return { step: (dtMs, set) => { total += dtMs / 60_000; set(point.id, round(total, 2)) } } }
  const [middle, swing, low, high] = shapes[point.unit ?? '1'] ?? [1, 0, 0, 1]
  const least = Math.max(low, point.min ?? -Infinity)
  const most = Math.min(high, point.max ?? Infinity)
  let value = middle
  return { step: (_, set) => { value = Math.min(most, Math.max(least, wander(value, middle, swing, random))); set(point.id, round(value, 2)) } }
}

/** Names of contacts that are only true when something is wrong; the others come and go. */
const quiet = /alarm|smoke|leak|fault|tamper|forced|held|emergency|call/
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

/** A random walk that is drawn back to its middle. */
function wander(value: number, middle: number, swing: number, random: Random): number {
  return value + (middle - value) * 0.02 + (random() * 2 - 1) * swing
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits))
