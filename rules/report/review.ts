import type { Facility, Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { idsOf, reviewHours } from '../doors/review.ts'
import type { ReportConfig } from './schema.ts'

interface Sections { readonly report: ReportConfig | null; readonly schedules: Parameters<typeof idsOf>[0] }

/** Points that are there and are numbers; energy in kW.h. */
export function reviewReport({ report, schedules }: Sections, { points }: Facility): readonly Review[] {
  if (!report) return []
  const review = (point: string, path: Review['path'], unit?: string): readonly Review[] => {
    const found = points.get(point)
    if (!found) return [{ path, message: `no point "${point}"${didYouMean(point, points.keys())}` }]
    if (found.type !== 'number') return [{ path, message: `${point} is a ${found.type}, which has no limits and no sum` }]
    return unit !== undefined && found.unit !== unit ? [{ path, message: `${point} is in ${found.unit ?? 'no unit'}; an energy counter is in ${unit}` }] : []
  }
  return [
    ...(report.hours === undefined ? [] : reviewHours(report.hours, ['report', 'hours'], idsOf(schedules))),
    ...report.climate.flatMap(({ point }, index) => review(point, ['report', 'climate', index, 'point'])),
    ...(report.energy ?? []).flatMap((point, index) => review(point, ['report', 'energy', index], energyUnit)),
  ]
}

export const energyUnit = 'kW.h'
