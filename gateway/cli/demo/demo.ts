import { createLog, systemClock as clock } from '../../kit/index.ts'
import { aborted, print, printJson, stopSignal } from '../output.ts'
import { startFacility, type Facility } from './facility.ts'
import { showScreen } from './screen.ts'

export interface DemoOptions { readonly for?: number; readonly json?: boolean }

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

/** How long a stop may wait for the last messages to reach the city: Ctrl-C ends within 2 s. */
const settleMs = 1_000

/** Exit code 1 when anything was lost, doubled or altered on its way. */
export async function demo(options: DemoOptions): Promise<void> {
  const stop = stopSignal()
  const log = createLog({ level: process.env.LINLI_LOG ?? 'warn' })
  const result = await runDemo(options, stop, log)
  if (options.json) printJson(result)
  else print(`\n${summary(result)}`)
  if (result.lost > 0 || result.duplicates > 0 || result.gaps > 0) process.exitCode = 1
}

async function runDemo(options: DemoOptions, stop: AbortSignal, log: ReturnType<typeof createLog>): Promise<DemoResult> {
  await using facility = await startFacility(log)
  {
    using _screen = options.json ? null : showScreen(facility)
    if (options.for === undefined) await aborted(stop)
    else await clock.sleep(options.for, stop).catch(() => {})
  }
  await facility.settle(settleMs)
  return resultOf(facility)
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

function summary(result: DemoResult): string {
  const { readings, events, alerts, cityMessages, cityReadings, lost, duplicates, gaps } = result
  return `${readings} readings, ${events} events (${alerts} of alerts); the city has ${cityReadings} readings in ${cityMessages} messages: ${lost} lost, ${duplicates} doubled, ${gaps} gaps`
}
