import type { Facility } from './facility.ts'

/** What `--json` prints. `lost` and `duplicates`: what the devices numbered and sent against what the city has, and the city's own checks. */
export interface DemoResult {
  readonly readings: number
  readonly events: number
  readonly alerts: number
  readonly cityMessages: number
  readonly cityReadings: number
  readonly lost: number
  readonly duplicates: number
  readonly gaps: number
  readonly firstMessageMs: number | null
  readonly rssMb: number
}

export function resultOf({ gateway, city, comparison, firstMessageMs }: Facility): DemoResult {
  const { counters, rssMb } = gateway.status()
  const report = city.verifier.report()
  const compared = comparison.result()
  const missing = report.holes.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  return {
    readings: counters.readings, events: counters.events, alerts: counters.alerts, cityMessages: report.messages, cityReadings: report.readings,
    lost: compared.lost + missing + report.chainBreaks.length + report.invalid, duplicates: compared.duplicates + report.duplicates, gaps: report.gaps,
    firstMessageMs: firstMessageMs(), rssMb,
  }
}
