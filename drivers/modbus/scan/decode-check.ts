import type { ModbusPoint } from '../plan.ts'
import { widthOf } from '../registers.ts'
import { decodePoint } from '../values.ts'
import { lawsOf, measuredBy, type Law, type Measured, type Moment } from './physics.ts'

/** The registers of each point as they came over the wire, at one moment. Points that were not read are left out. */
export interface Look { readonly atMs: number; readonly registers: ReadonlyMap<string, Buffer> }

/** What one change of the map would mend. */
export interface Remedy { readonly points: readonly string[]; readonly wordOrder?: 'big' | 'little'; /** The scale it should have, by point. */ readonly scale?: ReadonlyMap<string, number> }

/** `remedies`: each alone makes everything fit; more than one: the values cannot tell which. None: nothing simple does. */
export interface DecodeFinding { readonly code: 'DECODE_WORD_ORDER' | 'DECODE_SCALE' | 'DECODE_UNCLEAR'; readonly deviceId: string; readonly broken: readonly string[]; readonly remedies: readonly Remedy[]; readonly text: string }

interface Change { readonly points: readonly string[]; readonly swap: boolean; readonly power: number }
const powers = [-3, -2, -1, 1, 2, 3]
const shownRemedies = 4

/**
 * Whether a meter's map can be right, by physics: V·I·PF is P, the mains have 50 Hz, the phases add up, energy only rises and as fast as
 * the power says. Where it cannot, every change of word order or scale of one point (then of all points of one unit, then of all) is
 * tried, and those that make all of it fit are told. One look is enough for most; two, some minutes apart, for the energy. Pure.
 */
export function checkDecoding(points: readonly ModbusPoint[], looks: readonly Look[]): DecodeFinding | null {
  const known = points.flatMap((point) => { const measured = measuredBy(point); return measured ? [{ point, measured }] : [] })
  const first = known[0]
  if (!first || looks.length === 0) return null
  const laws = lawsOf(known.map(({ measured }) => measured))
  const broken = brokenBy(laws, known, looks, null)
  if (broken.length === 0) return null
  const single = known.flatMap(({ point }) => changesOf([point]))
  const groups = [...Map.groupBy(known, ({ measured }) => measured.role).values(), known].filter((group) => group.length > 1).flatMap((group) => changesOf(group.map(({ point }) => point)))
  const mends = (changes: readonly Change[]): readonly Change[] => changes.filter((change) => brokenBy(laws, known, looks, change).length === 0)
  const alone = mends(single)
  const found = alone.length > 0 ? alone : mends(groups)
  const remedies = found.map((change) => remedyOf(change, known.map(({ point }) => point)))
  const names = [...new Set(broken.map(({ name }) => name))]
  const { deviceId } = first.point
  const code = found.length === 0 ? 'DECODE_UNCLEAR' : found.every(({ swap }) => swap) ? 'DECODE_WORD_ORDER' : found.every(({ swap }) => !swap) ? 'DECODE_SCALE' : 'DECODE_UNCLEAR'
  return { code, deviceId, broken: names, remedies, text: textOf(deviceId, names, remedies) }
}

interface Known { readonly point: ModbusPoint; readonly measured: Measured }

function brokenBy(laws: readonly Law[], known: readonly Known[], looks: readonly Look[], change: Change | null): readonly Law[] {
  const moments = looks.map(({ registers }) => momentOf(known, registers, change))
  return laws.filter((law) => moments.some((now, index) => {
    const earlier = index > 0 ? index - 1 : null
    return law.check(now, earlier === null ? null : moments[earlier]!, earlier === null ? 0 : looks[index]!.atMs - looks[earlier]!.atMs) === false
  }))
}

function momentOf(known: readonly Known[], registers: ReadonlyMap<string, Buffer>, change: Change | null): Moment {
  const out = new Map<string, number>()
  for (const { point, measured } of known) {
    const bytes = registers.get(point.id)
    if (!bytes) continue
    const mine = change?.points.includes(point.id) ? change : null
    const address = mine?.swap ? { ...point.address, wordOrder: point.address.wordOrder === 'big' ? 'little' as const : 'big' as const } : point.address
    const decoded = decodePoint(address, bytes, address.register)
    // What is no number, or a code for none, cannot be what a meter in use shows.
    const raw = 'value' in decoded && typeof decoded.value === 'number' && !point.sentinels.includes(decoded.value) ? decoded.value : NaN
    out.set(point.id, (raw * point.scale * 10 ** (mine?.power ?? 0) + point.offset) * measured.factor)
  }
  return out
}

function changesOf(points: readonly ModbusPoint[]): readonly Change[] {
  const ids = points.map(({ id }) => id)
  const wide = points.filter(({ address }) => widthOf(address) > 1).map(({ id }) => id)
  return [...(wide.length > 0 ? [{ points: wide, swap: true, power: 0 }] : []), ...powers.map((power) => ({ points: ids, swap: false, power }))]
}

function remedyOf({ points: ids, swap, power }: Change, points: readonly ModbusPoint[]): Remedy {
  const those = points.filter(({ id }) => ids.includes(id))
  if (swap) return { points: ids, wordOrder: those[0]!.address.wordOrder === 'big' ? 'little' : 'big' }
  return { points: ids, scale: new Map(those.map(({ id, scale }) => [id, Number((scale * 10 ** power).toPrecision(9))])) }
}

const told = ({ points, wordOrder, scale }: Remedy): string => (wordOrder
  ? `wordOrder: ${wordOrder} for ${points.join(', ')}`
  : [...scale!].map(([id, value]) => `scale: ${value} for ${id}`).join(', '))

function textOf(deviceId: string, broken: readonly string[], remedies: readonly Remedy[]): string {
  const what = `${deviceId}: what it shows cannot be (${broken.join('; ')})`
  if (remedies.length === 0) return `${what}; no single change of word order or scale explains it: check the profile, the current transformer's ratio and the wiring`
  const [one, ...others] = remedies.slice(0, shownRemedies).map(told)
  return others.length === 0 ? `${what}; it fits with ${one}` : `${what}; it fits with one of: ${[one, ...others].join(' | ')}; compare with the device's display`
}
