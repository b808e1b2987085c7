import type { EpochMs, PointConfig, PointId, Random, Value } from '../../contract/index.ts'
import { nameOf, round, wander, within, wrapped } from './limits.ts'

type Quantity = 'volt' | 'ampere' | 'active' | 'apparent' | 'reactive' | 'hertz' | 'energy' | 'reactive-energy'
/** How many of the unit are one V, A, W, V·A, var, Hz, Wh or varh, and the decimals a meter shows. */
const units: Readonly<Record<string, readonly [quantity: Quantity, factor: number, digits: number]>> = {
  V: ['volt', 1, 1], mV: ['volt', 1e3, 0], kV: ['volt', 1e-3, 4], A: ['ampere', 1, 3], mA: ['ampere', 1e3, 0],
  W: ['active', 1, 1], kW: ['active', 1e-3, 4], MW: ['active', 1e-6, 7], 'V.A': ['apparent', 1, 1], 'kV.A': ['apparent', 1e-3, 4], var: ['reactive', 1, 1], kvar: ['reactive', 1e-3, 4],
  Hz: ['hertz', 1, 2], 'W.h': ['energy', 1, 0], 'kW.h': ['energy', 1e-3, 2], 'MW.h': ['energy', 1e-6, 5], 'var.h': ['reactive-energy', 1, 0], 'kvar.h': ['reactive-energy', 1e-3, 2],
}

/** Points that a meter's physics moves together. */
export const isElectrical = (point: PointConfig): boolean => point.type === 'number' && (units[point.unit ?? ''] !== undefined || isPowerFactor(point))
/** A device with current or power has them; one with a supply voltage only has not. */
export const isMeter = (points: readonly PointConfig[]): boolean => points.some((point) => isElectrical(point) && ['ampere', 'active'].includes(units[point.unit ?? '']?.[0] ?? ''))
const isPowerFactor = (point: PointConfig): boolean => /power-factor|(^|-)(pf|cosphi)(-|$)/.test(nameOf(point))

interface Phase { volt: number; ampere: number; factor: number; wattHours: number; varHours: number }

const meanAmpere = 4
const mostAmpere = 8
/** No phase ever takes more, so a world that starts later starts with more on its counters: energy does not fall over a restart. */
const mostWatt = 245 * mostAmpere
const countingSince = Date.UTC(2026, 0, 1)

/** Three phases (or one) with a load that wanders; a total is their sum, and what belongs together agrees in every step. */
export function meterModel(points: readonly PointConfig[], random: Random, startedAt: EpochMs) {
  const hours = Math.max(500, (startedAt - countingSince) / 3_600_000)
  const single = !points.some((point) => /-l[123]$/.test(nameOf(point)))
  const phases: Phase[] = Array.from({ length: single ? 1 : 3 }, () => ({ volt: 230, ampere: 2 + random() * meanAmpere, factor: 0.93 + random() * 0.05, wattHours: hours * mostWatt, varHours: hours * mostWatt / 2 }))
  let hertz = 50
  const active = ({ volt, ampere, factor }: Phase): number => volt * ampere * factor
  const apparent = ({ volt, ampere }: Phase): number => volt * ampere
  const reactive = (phase: Phase): number => Math.sqrt(Math.max(0, apparent(phase) ** 2 - active(phase) ** 2))
  const value = (point: PointConfig): number => {
    const name = nameOf(point)
    const number = /-l([123])$/.exec(name)?.[1]
    const of = number && phases.length === 3 ? [phases[Number(number) - 1]!] : phases
    const sum = (each: (phase: Phase) => number): number => of.reduce((total, phase) => total + each(phase), 0)
    const power = sum(active)
    if (isPowerFactor(point)) return round(power / Math.max(1e-9, of.length === 1 ? sum(apparent) : Math.hypot(power, sum(reactive))), 3)
    const [quantity, factor, digits] = units[point.unit!]!
    const exported = /export|reverse|feed-in/.test(name)
    switch (quantity) {
      case 'volt': return round((/l[123]-?l[123]$/.test(name) ? Math.sqrt(3) : 1) * sum(({ volt }) => volt) / of.length * factor, digits)
      case 'ampere': return round(sum(({ ampere }) => ampere) * factor, digits)
      case 'active': return exported ? 0 : round(power * factor, digits)
      case 'apparent': return round((of.length === 1 ? sum(apparent) : Math.hypot(power, sum(reactive))) * factor, digits)
      case 'reactive': return round(sum(reactive) * factor, digits)
      case 'hertz': return round(hertz * factor, digits)
      case 'energy': return exported ? 0 : wrapped(point, down(sum(({ wattHours }) => wattHours) * factor, digits))
      case 'reactive-energy': return exported ? 0 : wrapped(point, down(sum(({ varHours }) => varHours) * factor, digits))
    }
  }
  return {
    step(dtMs: number, set: (pointId: PointId, value: Value) => void): void {
      for (const phase of phases) {
        phase.volt = Math.min(245, wander(phase.volt, 230, 0.6, random))
        phase.ampere = Math.min(mostAmpere, Math.max(0.2, wander(phase.ampere, meanAmpere, 0.15, random)))
        phase.factor = Math.min(1, wander(phase.factor, 0.95, 0.005, random))
        phase.wattHours += active(phase) * dtMs / 3_600_000
        phase.varHours += reactive(phase) * dtMs / 3_600_000
      }
      hertz = wander(hertz, 50, 0.01, random)
      for (const point of points) set(point.id, within(point, value(point)))
    },
  }
}

/** A counter shows only what is full: rounded up it could fall again. */
const down = (value: number, digits: number): number => Math.floor(value * 10 ** digits + 1e-6) / 10 ** digits
