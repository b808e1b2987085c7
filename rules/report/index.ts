import type { Facility } from '../../gateway/contract/index.ts'
import { createZone } from '../schedule/zone.ts'
import type { ReportNames } from './html.ts'
import { monthBefore, monthOf, parseMonth } from './month.ts'
import type { KioskConfig } from '../kiosks/schema.ts'

export { alarmFigures, type AlarmFigures } from './alarms.ts'
export type { ReportFigures } from './figures.ts'
export { renderReport, type ReportNames } from './html.ts'
export type { Month } from './month.ts'
export { createReport, type ReportParts, type ReportSources } from './report.ts'
export { createShiftReport } from './shift.ts'
export type { ShiftFigures } from './shift-figures.ts'
export { createShiftDays, type Duty, type Shift } from './shifts.ts'

/** Months of the site's time. */
export function createMonths(timezone: string) {
  const zone = createZone(timezone)
  return { parse: (text: string) => parseMonth(text, zone), of: (at: number) => monthOf(at, zone), before: (month: ReturnType<typeof monthOf>) => monthBefore(month, zone) }
}

/** What ids are called, for the page. */
export function namesOf(site: ReportNames['site'], { devices, points }: Facility, kiosks: readonly KioskConfig[]): ReportNames {
  return {
    site,
    names: Object.fromEntries([
      ...[...devices.values()].map(({ id, name }) => [id, name] as const), ...kiosks.map(({ id, name }) => [id, name] as const),
      ...[...points.values()].map(({ id, deviceId, name }) => { const device = devices.get(deviceId)?.name; return [id, device ? { zh: `${device.zh} ${name.zh}`, en: `${device.en} ${name.en}` } : name] as const }),
    ]),
    units: Object.fromEntries([...points.values()].flatMap(({ id, unit }) => (unit === undefined ? [] : [[id, unit] as const]))),
  }
}
