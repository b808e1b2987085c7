import type { Value } from '../../../gateway/contract/index.ts'
import type { ModbusPoint } from '../plan.ts'
import { formatOf } from '../registers.ts'
import { strayVolts } from './physics.ts'

/**
 * How much a value tells, in bits: how unlikely it is that a device of another kind holds something like it there. Small numbers are
 * common everywhere, so a register's content is taken as spread evenly over its magnitudes, not over its values: 21.5 °C in a register
 * that could hold anything says little (a whole number below 800), 49.98 Hz in a float says a lot. Negative: it speaks against the model.
 */
export interface Evidence { readonly bits: number; readonly text?: string }

const nothing: Evidence = { bits: 0 }
/** One value never decides alone. */
const mostOfAValue = 6
const mostOfAnIdentity = 14
const impossible = -8

/** What a unit can hold in a building that is in use, in the unit itself; magnitudes. */
const usual: Readonly<Record<string, readonly [low: number, high: number]>> = {
  Cel: [0.1, 85], '%': [0.1, 100], lx: [0.1, 150_000], Hz: [45, 65], A: [0.001, 1_000], W: [0.1, 1e6], kW: [0.001, 1_000], var: [0.1, 1e6], 'V.A': [0.1, 1e6],
  'kW.h': [0.01, 1e8], 'W.h': [1, 1e11], m: [0.01, 1_000], ppm: [300, 10_000], '[ppm]': [300, 10_000],
}
const nameOf = ({ id }: ModbusPoint): string => id.slice(id.indexOf('.') + 1)

function range(point: ModbusPoint): readonly [low: number, high: number] | null {
  const { unit, min, max } = point
  const name = nameOf(point)
  if (unit === 'V') return name.startsWith('voltage') ? [80, 480] : [2, 60]
  if (unit === '1') return /power-factor/.test(name) ? [0.01, 1.001] : null
  const own = unit === undefined ? undefined : usual[unit]
  if (!own) return null
  return [own[0], Math.max(own[0], Math.min(own[1], Math.max(Math.abs(max ?? own[1]), Math.abs(min ?? 0))))]
}

/** Magnitudes a register of that format could hold, in octaves. */
const octaves: Readonly<Record<string, number>> = { u16: 16, s16: 15, u32: 32, s32: 31, u64: 64, s64: 63, f32: 254, f64: 2_046 }

/** Of one value as the profile would read it; `raw` before scale and offset. */
export function evidenceOf(point: ModbusPoint, raw: Value): Evidence {
  if (typeof raw === 'string') return raw.length >= 3 && /^[\x20-\x7e]+$/.test(raw) ? { bits: 4, text: `${nameOf(point)} is the text "${raw}"` } : nothing
  if (typeof raw !== 'number') return nothing
  if (point.sentinels.includes(raw)) return { bits: 3, text: `${nameOf(point)} is its code for "no value"` }
  // Nothing at all is what an unused register holds in any device.
  if (raw === 0) return nothing
  const value = raw * point.scale + point.offset
  const shown = `${Number(value.toPrecision(6))}${point.unit === undefined || point.unit === '1' ? '' : ` ${point.unit}`}`
  if ((point.min !== undefined && value < point.min) || (point.max !== undefined && value > point.max)) return { bits: impossible, text: `${nameOf(point)} would be ${shown}, beyond its limits` }
  // A phase that is not wired: no evidence, and none against.
  if (point.unit === 'V' && /-l?[23]$/.test(nameOf(point)) && value >= 0.001 && value < strayVolts) return nothing
  const limits = range(point)
  if (!limits) return nothing
  const [low, high] = limits
  const magnitude = Math.abs(value)
  const space = octaves[formatOf(point.address)] ?? 16
  // Of floats the smallest ones are no measurement: they are words the wrong way round.
  const least = low >= 1 ? low : space > 64 ? low / 1_000 : 0
  if (magnitude > high * 1.001 || magnitude < least) return { bits: impossible, text: `${nameOf(point)} would be ${shown}, which cannot be` }
  const smallest = space > 64 ? low : Math.max(low, Math.abs(point.scale))
  const bits = Math.min(mostOfAValue, Math.log2(space / Math.max(0.25, Math.log2(high / smallest))))
  return bits < 0.5 ? { bits: Math.max(0, bits) } : { bits, text: `${nameOf(point)} ${shown}` }
}

/** Of a register that holds exactly what it should: the larger the number or the longer the text, the less by chance. */
export function evidenceOfMatch(expected: number | string, float: boolean): number {
  if (typeof expected === 'string') return Math.min(mostOfAnIdentity + 6, expected.length * 4)
  if (expected === 0) return 0
  return Math.min(mostOfAnIdentity, Math.log2(11.1 * Math.abs(expected)) + (float ? 4 : 0))
}

/** Of a number that lies where it should; `low` above 0. */
export const evidenceOfRange = (low: number, high: number, format: string): number => Math.min(mostOfAValue, Math.log2((octaves[format] ?? 16) / Math.max(0.25, Math.log2(high / low))))

/** Of a place that answers, in a device that refuses so many of the places it was asked for. */
export const evidenceOfAnswer = (answered: number, asked: number): number => Math.min(3, Math.max(0, Math.log2((asked + 2) / (answered + 1))))

/** 0 to 100, and 80 at about 19 bits: one in half a million. */
export const scoreOf = (bits: number): number => (bits <= 0 ? 0 : Math.round(100 * (1 - 2 ** (-bits / 8))))
