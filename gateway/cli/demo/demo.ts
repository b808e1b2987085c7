import { createLog, LogRing, systemClock as clock } from '../../kit/index.ts'
import { aborted, print, printJson, stopSignal } from '../output.ts'
import { startFacility } from './facility.ts'
import { resultOf, type DemoResult } from './result.ts'
import { showScreen } from './screen.ts'

export interface DemoOptions { readonly for?: number; readonly json?: boolean }

/** Where the console is looked for: README. */
const consolePort = 8_080
/** How long a stop may wait for the last messages to reach the city: Ctrl-C ends within 2 s. */
const settleMs = 1_000

/** Exit code 1 when anything was lost, doubled or altered on its way. */
export async function demo(options: DemoOptions): Promise<void> {
  const stop = stopSignal()
  const ring = new LogRing()
  const log = createLog({ level: process.env.LINLI_LOG ?? 'warn', ring })
  const result = await runDemo(options, stop, { log, ring })
  if (options.json) printJson(result)
  else print(`\n${summary(result)}`)
  if (result.lost > 0 || result.duplicates > 0 || result.gaps > 0) process.exitCode = 1
}

async function runDemo(options: DemoOptions, stop: AbortSignal, { log, ring }: { readonly log: ReturnType<typeof createLog>; readonly ring: LogRing }): Promise<DemoResult> {
  await using facility = await startFacility(log, consolePort, ring)
  {
    using _screen = options.json ? null : showScreen(facility)
    if (options.for === undefined) await aborted(stop)
    else await clock.sleep(options.for, stop).catch(() => {})
  }
  await facility.settle(settleMs)
  return resultOf(facility)
}

function summary(result: DemoResult): string {
  const { readings, events, alerts, cityMessages, cityReadings, lost, duplicates, gaps } = result
  return `${readings} readings, ${events} events (${alerts} of alerts); the city has ${cityReadings} readings in ${cityMessages} messages: ${lost} lost, ${duplicates} doubled, ${gaps} gaps`
}
