import type { ModbusPoint } from '../plan.ts'

/** What a meter's point measures. `phase`: 1 to 3, or 0 for the only one or the total. */
export interface Measured { readonly id: string; readonly role: Role; readonly phase: number; /** In V, A, W, V.A, Hz, 1, W.h. */ readonly factor: number }
export type Role = 'volt' | 'ampere' | 'watt' | 'apparent' | 'cosine' | 'hertz' | 'energy'

const roles: Readonly<Record<string, readonly [role: Role, factor: number]>> = {
  V: ['volt', 1], kV: ['volt', 1_000], A: ['ampere', 1], mA: ['ampere', 0.001], W: ['watt', 1], kW: ['watt', 1_000], MW: ['watt', 1e6], 'V.A': ['apparent', 1], 'kV.A': ['apparent', 1_000], Hz: ['hertz', 1],
  'W.h': ['energy', 1], 'kW.h': ['energy', 1_000], 'MW.h': ['energy', 1e6],
}

/** Null for what is no electrical quantity of the mains. */
export function measuredBy({ id, unit, type }: Pick<ModbusPoint, 'id' | 'unit' | 'type'>): Measured | null {
  if (type !== 'number') return null
  const name = id.slice(id.indexOf('.') + 1)
  const [role, factor] = unit === '1' && /power-?factor|cos/.test(name) ? ['cosine' as const, 1] : roles[unit ?? ''] ?? [null, 0]
  if (!role || /supply|battery|demand|reactive|neutral|max|limit|setpoint/.test(name)) return null
  // What went out again has its own counter: it stands still while the building takes power.
  if (role === 'energy' && /export|reverse|return|tariff|t\d$/.test(name)) return null
  const phase = /(?:^|[-_])(?:l|phase-?)?([123])$/.exec(name)?.[1] ?? /[-_]([abc])$/.exec(name)?.[1]
  return { id, role, factor, phase: phase === undefined ? 0 : 'abc'.includes(phase) ? 'abc'.indexOf(phase) + 1 : Number(phase) }
}

/** Values by point id, in the units of `Measured`, of one moment. */
export type Moment = ReadonlyMap<string, number>

/** A law that the values keep or break; null where they cannot tell (nobody uses power, a value is missing). */
export interface Law { readonly name: string; readonly points: readonly string[]; check(now: Moment, before: Moment | null, elapsedMs: number): boolean | null }

/** Below this the meters' own steps are as large as the load. */
const leastWatts = 20
/** Rounding, a phase's own power factor, and a load that changed between two reads. */
const tolerance = 0.15
const near = (a: number, b: number): boolean => Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b))

/** Stray volts of a phase that is not wired, as in a three-phase meter on one phase. */
export const strayVolts = 15
/** Wide at the low end: a meter without load shows noise, and floats with their words swapped show 1e-20. */
const limits: Readonly<Record<Role, (value: number, phase: number) => boolean>> = {
  volt: (value, phase) => value === 0 || (value >= 80 && value <= 480) || (phase > 1 && value >= 0.001 && value < strayVolts),
  hertz: (value) => value >= 45 && value <= 65,
  cosine: (value) => value === 0 || (Math.abs(value) >= 0.0001 && Math.abs(value) <= 1.001),
  ampere: (value) => value === 0 || (Math.abs(value) >= 1e-5 && Math.abs(value) <= 3_000),
  watt: (value) => value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) <= 2e6),
  apparent: (value) => value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) <= 2e6),
  energy: (value) => value === 0 || (value >= 1e-4 && value <= 1e11),
}

/** What must hold for a meter that has these points. Pure. */
export function lawsOf(measured: readonly Measured[]): readonly Law[] {
  const of = (role: Role, phase = 0): Measured | undefined => measured.find((each) => each.role === role && each.phase === phase)
  const laws: Law[] = measured.map((each) => ({ name: `${each.role} within what exists`, points: [each.id], check: (now) => { const value = now.get(each.id); return value === undefined ? null : limits[each.role](value, each.phase) } }))
  const [cosine, total] = [of('cosine'), of('watt')]
  const phases = [0, 1, 2, 3].flatMap((phase) => { const [volt, ampere] = [of('volt', phase), of('ampere', phase)]; return volt && ampere ? [{ phase, volt, ampere }] : [] })
  const product = (now: Moment, { volt, ampere }: { readonly volt: Measured; readonly ampere: Measured }): number => (now.get(volt.id) ?? NaN) * (now.get(ampere.id) ?? NaN)
  const equal = (name: string, points: readonly Measured[], sides: (now: Moment) => readonly [number, number]): void => {
    laws.push({ name, points: points.map(({ id }) => id), check: (now) => { const [a, b] = sides(now); return !Number.isFinite(a + b) || Math.max(Math.abs(a), Math.abs(b)) < leastWatts ? null : near(Math.abs(a), Math.abs(b)) } })
  }
  const factor = (now: Moment): number => (cosine ? now.get(cosine.id) ?? NaN : NaN)
  for (const each of phases) {
    const watt = of('watt', each.phase)
    // A phase's own power factor is seldom told: the total's stands for it, as far as decades go.
    if (watt && each.phase > 0 && cosine) equal('V·I·PF = P of a phase', [each.volt, each.ampere, watt, cosine], (now) => [loose(product(now, each) * factor(now), now.get(watt.id)), now.get(watt.id) ?? NaN])
    const apparent = of('apparent', each.phase)
    if (apparent) equal('V·I = S', [each.volt, each.ampere, apparent], (now) => [product(now, each), now.get(apparent.id) ?? NaN])
  }
  const wired = phases.filter(({ phase }) => phase > 0)
  const used = wired.length === 3 ? wired : phases.filter(({ phase }) => phase === 0)
  if (total && used.length > 0) {
    const sum = (now: Moment): number => used.reduce((all, each) => all + product(now, each), 0)
    if (cosine) equal('V·I·PF = P', [...used.flatMap(({ volt, ampere }) => [volt, ampere]), total, cosine], (now) => [sum(now) * factor(now), now.get(total.id) ?? NaN])
    else laws.push({ name: 'P is at most V·I', points: [...used.flatMap(({ volt, ampere }) => [volt.id, ampere.id]), total.id], check: (now) => { const [s, p] = [sum(now), Math.abs(now.get(total.id) ?? NaN)]; return !Number.isFinite(s + p) || Math.max(s, p) < leastWatts ? null : p <= s * (1 + tolerance) && p >= s * 0.25 } })
  }
  const parts = [1, 2, 3].flatMap((phase) => of('watt', phase) ?? [])
  if (total && parts.length === 3) equal('the phases add up to P', [...parts, total], (now) => [parts.reduce((all, { id }) => all + (now.get(id) ?? NaN), 0), now.get(total.id) ?? NaN])
  for (const energy of measured.filter(({ role }) => role === 'energy')) {
    laws.push({ name: 'energy only rises', points: [energy.id], check: (now, before) => { const [a, b] = [before?.get(energy.id), now.get(energy.id)]; return a === undefined || b === undefined ? null : b >= a } })
    if (total && energy.phase === 0) laws.push({ name: 'energy rises as P says', points: [energy.id, total.id], check: (now, before, elapsedMs) => rises(now, before, elapsedMs, energy, total) })
  }
  return laws
}

/** With another phase's power factor in it a value may be off by half, and still be no other decade. */
const loose = (value: number, of: number | undefined): number => (of !== undefined && Math.abs(value) > Math.abs(of) * 0.5 && Math.abs(value) < Math.abs(of) * 2 ? of : value)

/**
 * Only a rise that is a decade off, and nearly exactly, speaks against the scale: a lift or a pump that ran between two looks makes any
 * other ratio. A counter in whole kWh says nothing in ten minutes.
 */
function rises(now: Moment, before: Moment | null, elapsedMs: number, energy: Measured, total: Measured): boolean | null {
  const [a, b, watts, wattsBefore] = [before?.get(energy.id), now.get(energy.id), now.get(total.id), before?.get(total.id)]
  if (a === undefined || b === undefined || watts === undefined || wattsBefore === undefined || elapsedMs < 10_000) return null
  const expected = (Math.abs(watts) + Math.abs(wattsBefore)) / 2 * elapsedMs / 3_600_000
  const risen = b - a
  const step = energy.factor / 100
  if (risen < step) return expected > 100 * step ? false : null
  if (Math.max(risen, expected) < enoughSteps * step || expected === 0) return null
  const decades = Math.log10(risen / expected)
  if (Math.abs(decades) < sameDecade) return true
  return Math.abs(decades - Math.round(decades)) < exactDecade || decades > absurdDecades ? false : null
}
const enoughSteps = 10
const sameDecade = 0.48
const exactDecade = 0.12
/** A thousand times more than the power: words the wrong way round, not a load that came and went. */
const absurdDecades = 3

/** Whether the values of one moment go together; null where they cannot tell. `value`: scaled, in the point's unit. */
export function judgeMeter(values: readonly { readonly point: ModbusPoint; readonly value: number | null }[]): { readonly agrees: boolean | null; readonly text: string } {
  const now = new Map<string, number>()
  const measured = values.flatMap(({ point, value }) => { const each = measuredBy(point); if (each && value !== null) now.set(each.id, value * each.factor); return each ?? [] })
  const told = lawsOf(measured).filter(({ points }) => points.length > 1).map((law) => ({ law, keeps: law.check(now, null, 0) })).filter(({ keeps }) => keeps !== null)
  const broken = told.find(({ keeps }) => !keeps)
  if (told.length === 0) return { agrees: null, text: '' }
  return broken ? { agrees: false, text: `its values break "${broken.law.name}"` } : { agrees: true, text: `its values keep "${told[0]!.law.name}"` }
}
