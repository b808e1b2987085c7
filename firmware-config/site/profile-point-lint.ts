import type { Label, PointConfig } from '../../gateway/contract/index.ts'
import type { Path, Report } from './problems.ts'
import { rawRange } from './profile-address-lint.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { ucumCodes } from './ucum.ts'

type Written = Readonly<Record<string, unknown>>

/** A number that only rises: energy, volumes, counters, sequence numbers. */
const counts = /energy|volume|counter|seq|pulses|count$/
/** Above this a change is told too late to be urgent. */
const slowestUrgentMs = 2_000

/** `written`: the point as the profile says it, before defaults. */
export function lintPoint(point: PointConfig, written: Written, report: Report): void {
  const name = point.id.slice(point.deviceId.length + 1)
  const at: Path = ['points', name]
  lintName(point.name, [...at, 'name'], report)
  if (point.cityWrite) report([...at, 'cityWrite'], 'a profile never lets the city write; that is for the site file')
  if (point.urgent && written.poll !== undefined && point.pollMs > slowestUrgentMs) report([...at, 'poll'], `urgent, and asked only every ${point.pollMs} ms: nothing urgent is seen in time; poll every ${slowestUrgentMs} ms or faster, or drop urgent`)
  if (written.heartbeat !== undefined && point.heartbeatMs < point.pollMs) report([...at, 'heartbeat'], 'the heartbeat repeats a value more often than it is asked for; make it longer than poll')
  lintIdleKeys(point, written, at, report)
  lintSentinels(point, at, report)
  if (point.type === 'number') lintNumber(point, written, name, at, report)
  else if (point.unit !== undefined) report([...at, 'unit'], `a ${point.type} has no unit`)
}

/** Chinese for staff, English for those who do not read it, and neither a bare id. */
export function lintName({ zh, en }: Label, at: Path, report: Report): void {
  const isId = (text: string): boolean => /^[a-z0-9]+([-_.][a-z0-9]+)+$/i.test(text) && !/^\d+([.-]\d+)*$/.test(text) || /^[a-z]{0,3}\d{2,}$/i.test(text)
  if (!/\p{Script=Han}/u.test(zh)) report([...at, 'zh'], `the Chinese name has no Chinese in it; write what staff call it`)
  if (/\p{Script=Han}/u.test(en)) report([...at, 'en'], 'the English name has Chinese in it')
  else if (isId(en)) report([...at, 'en'], `"${en}" is an id, no name; write words that staff understand`)
}

/** Keys that change nothing for a point of this type. */
function lintIdleKeys({ type }: PointConfig, written: Written, at: Path, report: Report): void {
  const idle = type === 'number' ? ['invert'] : ['scale', 'offset', 'min', 'max', 'deadband', ...(type === 'string' ? ['invert'] : [])]
  for (const key of idle) if (written[key] !== undefined) report([...at, key], `means nothing for a ${type}; leave it out`, 'key')
}

function lintSentinels({ sentinels, type, address }: PointConfig, at: Path, report: Report): void {
  const range = rawRange(address)
  sentinels.forEach((sentinel, index) => {
    if (type === 'number' && typeof sentinel !== 'number') report([...at, 'sentinels', index], `${JSON.stringify(sentinel)} is no number, so a number never equals it`)
    else if (range && typeof sentinel === 'number' && (sentinel < range.low || sentinel > range.high || !Number.isInteger(sentinel))) report([...at, 'sentinels', index], () => `${sentinel} is never read: format ${range.format} holds ${range.low} to ${range.high}${sentinel > range.high && range.low < 0 && sentinel <= range.high - range.low ? `; write ${sentinel - (range.high - range.low + 1)}, the same bits as a signed number` : ''}`)
    if (sentinels.indexOf(sentinel) !== index) report([...at, 'sentinels', index], `${String(sentinel)} is there twice`)
  })
}

function lintNumber(point: PointConfig, written: Written, name: string, at: Path, report: Report): void {
  const { unit, deadband, scale, writable } = point
  if (written.unit === undefined && !counts.test(name)) report(at, 'a number needs a unit (UCUM): Cel, %, V, kW.h; "1" for a bare number', 'key')
  if (unit !== undefined && !ucumCodes.has(unit)) report([...at, 'unit'], () => `"${unit}" is no UCUM code we know${didYouMean(unit, [...ucumCodes])}; Cel, %, V, A, W, kW.h, m3 and 1 are`)
  if (counts.test(name) && deadband > 0) report([...at, 'deadband'], 'a counter that only rises must not hide its small steps: deadband 0')
  if (!counts.test(name) && deadband === 0 && unit !== '1' && !writable) report(at, 'a measured value without a deadband floods the city: set the smallest change that matters', 'key')
  const range = rawRange(point.address)
  if (range && deadband > 0 && deadband < Math.abs(scale) * (1 - 1e-9)) report([...at, 'deadband'], `${deadband} is less than one step of the device (${Math.abs(scale)}), so it holds nothing back`)
  lintLimits(point, at, report)
}

/** What a unit can hold anywhere in a building. */
const possible: Readonly<Record<string, readonly [low: number, high: number]>> = {
  Cel: [-273.15, 2_000], K: [0, 2_300], '%': [-1_000, 1_000], lx: [0, 200_000], ppm: [0, 1e6], V: [-100_000, 100_000], A: [-100_000, 100_000], Hz: [0, 1e6], Pa: [-1e8, 1e8], hPa: [0, 1e6], m: [-10_000, 10_000], 'dB[SPL]': [0, 200],
}

function lintLimits({ min, max, unit, scale, offset, deadband, address }: PointConfig, at: Path, report: Report): void {
  const [low, high] = possible[unit ?? '1'] ?? [-Infinity, Infinity]
  if (min !== undefined && (min < low || min > high)) report([...at, 'min'], `${min} ${unit} does not exist in a building; is the unit or the scale meant?`)
  if (max !== undefined && (max > high || max < low)) report([...at, 'max'], `${max} ${unit} does not exist in a building; is the unit or the scale meant?`)
  if (min !== undefined && min === max) report([...at, 'max'], 'min and max are the same: every other value would be uncertain')
  if (min !== undefined && max !== undefined && max > min && deadband >= (max - min) / 2) report([...at, 'deadband'], `a change of ${deadband} hardly fits between min ${min} and max ${max}: the city would see nothing`)
  const range = rawRange(address)
  if (!range) return
  const ends = [range.low * scale + offset, range.high * scale + offset].toSorted((a, b) => a - b) as [number, number]
  if (min !== undefined && min > ends[1]) report([...at, 'min'], `the device can send no more than ${ends[1]} (format ${range.format} and scale ${scale}): every value would be uncertain`)
  if (max !== undefined && max < ends[0]) report([...at, 'max'], `the device can send no less than ${ends[0]} (format ${range.format} and scale ${scale}): every value would be uncertain`)
  if (min !== undefined && min < 0 && ends[0] >= 0) report([...at, 'min'], `format ${range.format} never gives a negative value; is it a signed number (s${range.format.slice(1)}), or min 0?`)
}
