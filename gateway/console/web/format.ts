import type { EpochMs } from '../../contract/index.ts'
import type { PointView } from '../api/index.ts'
import { language, say, t, tState } from './language.ts'

/** The site's time zone, whatever the browser's is. Set once the session is known. */
let zone = 'Asia/Shanghai'
let formats = make()
function make(): { readonly day: Intl.DateTimeFormat; readonly time: Intl.DateTimeFormat } {
  const base = { timeZone: zone, hourCycle: 'h23' } as const
  return {
    day: new Intl.DateTimeFormat('sv-SE', { ...base, year: 'numeric', month: '2-digit', day: '2-digit' }),
    time: new Intl.DateTimeFormat('sv-SE', { ...base, hour: '2-digit', minute: '2-digit' }),
  }
}
export function useZone(timezone: string): void { zone = timezone; formats = make() }
export const siteZone = (): string => zone

/** 2026-11-25 */
export const dayOf = (at: EpochMs): string => formats.day.format(at)
/** 14:05 */
export const timeOf = (at: EpochMs): string => formats.time.format(at)
/** 14:05 today, 11-24 14:05 this year, 2025-11-24 14:05 before. */
export function momentOf(at: EpochMs, now: EpochMs): string {
  const [day, today] = [dayOf(at), dayOf(now)]
  if (day === today) return timeOf(at)
  return `${day.slice(0, 4) === today.slice(0, 4) ? day.slice(5) : day} ${timeOf(at)}`
}

/** When this day of the site began. To the minute: clocks there do not change within a day that has no such change. */
export function dayBegan(now: EpochMs): EpochMs {
  const [hours, minutes] = timeOf(now).split(':').map(Number) as [number, number]
  return Math.floor(now / 60_000) * 60_000 - (hours * 60 + minutes) * 60_000
}

/** The one or two digits a person would say: 40 seconds, 12 minutes, 3 hours, 2 days. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 60) return say('seconds', seconds)
  if (seconds < 3_600) return say('minutes', Math.round(seconds / 60))
  if (seconds < 2 * 86_400) return say('hours', Math.round(seconds / 3_600))
  return say('days', Math.round(seconds / 86_400))
}
/** The page's idea of now moves in steps of five seconds. */
export const agoOf = (at: EpochMs, now: EpochMs): string => (now - at < 6_000 ? t('justNow') : say('ago', lasting(now - at)))

/** UCUM codes as people write them. */
const units: Readonly<Record<string, string>> = { 1: '', Cel: '°C', 'kW.h': 'kWh', 'W.h': 'Wh', 'V.A': 'VA', 'kV.A': 'kVA', var: 'var', Ohm: 'Ω', deg: '°', m3: 'm³', 'm3/h': 'm³/h', 'ug/m3': 'µg/m³', 'mg/m3': 'mg/m³', '[ppm]': 'ppm', '[ppb]': 'ppb', '%{RH}': '%' }
export const unitOf = (unit: string | undefined): string => (unit === undefined ? '' : units[unit] ?? unit.replace(/\{[^}]*\}/g, ''))

export function numberOf(value: number): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 1 : 2
  return value.toLocaleString(language.value === 'zh' ? 'zh-CN' : 'en-GB', { maximumFractionDigits: digits })
}
/** What a boolean says in words, told from the end of its id: a door is open or closed, an output on or off; anything else yes or no. */
function truth(id: string, value: boolean): string {
  const last = id.split('.')[1] ?? ''
  if (/(^|-)(open|contact)$/.test(last)) return t(value ? 'door_open' : 'door_closed')
  return /relay|output|power|light|valve|unlock|^(k|ch|do|out)-?\d|state|switch/.test(last) ? t(value ? 'on' : 'off') : t(value ? 'yes' : 'no')
}
/** A value in words and with its unit; a dash where there is none. */
export function valueOf(point: Pick<PointView, 'id' | 'value' | 'unit'>): string {
  const { id, value, unit } = point
  if (value === null) return '—'
  if (typeof value === 'boolean') return truth(id, value)
  if (typeof value === 'string') return tState('value', value)
  const shown = unitOf(unit)
  return shown ? `${numberOf(value)} ${shown}` : numberOf(value)
}
export function bytesOf(bytes: number): string {
  const steps = ['B', 'kB', 'MB', 'GB'] as const
  const step = Math.min(3, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${numberOf(Math.round(bytes / 1_000 ** step * 10) / 10)} ${steps[step]}`
}
