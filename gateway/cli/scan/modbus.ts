import path from 'node:path'
import type { FoundDevice, ScanEvent, SerialSetting } from '../../../drivers/modbus/scan/events.ts'
import { readTest } from '../../../drivers/modbus/scan/read-test.ts'
import { commonSettings } from '../../../drivers/modbus/scan/rtu-scan.ts'
import type { ScanProfile } from '../../../drivers/modbus/scan/fingerprint.ts'
import { codeOf, ConfigError, describe } from '../../kit/index.ts'
import { scanLibrary } from '../../main/discovery/library.ts'
import { openPlace, patientMs, scanModbus, type ScanRequest } from '../../main/discovery/lines.ts'
import { paint, print, printJson, stopSignal } from '../output.ts'
import { progressBar } from '../progress.ts'
import { saveFound } from './save.ts'
import { foundTable, testTable, type TestedDevice } from './show.ts'

export interface ScanOptions {
  readonly units?: string; readonly baud?: string; readonly parity?: string; readonly timeout?: number; readonly everySetting?: boolean; readonly despiteMaster?: boolean
  readonly anyNetwork?: boolean; readonly profiles?: string; readonly save?: string; readonly yes?: boolean; readonly json?: boolean
}

/** What to look at where nobody answers. */
const silence = {
  rtu: 'nobody answers; check power, A and B, and that the adapter is the right one',
  tcp: 'nobody answers; check power, cable and address, that Modbus TCP is switched on in the device (port 502), and that no firewall or other network lies between',
} as const

/** `linli scan rtu|tcp`: who is there, what it is and why, its values now; with --save into the site file. Ctrl-C ends the search and keeps what was found. */
export async function scanLine(kind: 'rtu' | 'tcp', target: string, options: ScanOptions): Promise<void> {
  const signal = stopSignal()
  const library = await scanLibrary(foldersOf(options))
  const request: ScanRequest = { kind, target, units: unitsOf(options.units, kind), timeoutMs: options.timeout, settings: settingsOf(options), everySetting: options.everySetting, despiteMaster: options.despiteMaster, anyNetwork: options.anyNetwork }
  const found: FoundDevice[] = []
  const warnings: { readonly code: string; readonly text: string }[] = []
  let done: Extract<ScanEvent, { kind: 'done' }> | null = null
  const bar = progressBar('scan')
  try {
    for await (const event of scanModbus(request, library, signal)) {
      if (event.kind === 'progress') bar.show(event.share)
      else if (event.kind === 'found') { found.push(event.device); bar.done(); if (!options.json) tellFound(event.device) } else if (event.kind === 'warning') warnings.push(event)
      else done = event
    }
  } catch (error) {
    bar.done()
    // The line is gone in the middle: what was found until then is told all the same.
    if (found.length > 0 && !options.json) print(`\n${foundTable(found)}\n`)
    throw error
  }
  bar.done()
  const tested = await testAll(found, library)
  const summary = { found: found.map((device) => ({ ...device, values: tested.find((each) => each.device === device)?.test?.points ?? null, finding: tested.find((each) => each.device === device)?.test?.finding?.text ?? null })), warnings, ...(done ? { busMs: done.busMs, requests: done.requests, note: done.text } : {}), stopped: signal.aborted }
  if (options.json && options.save === undefined) return printJson(summary)
  if (!options.json) {
    print(found.length === 0 ? paint('yellow', silence[kind]) : `\n${foundTable(found)}`)
    for (const each of tested) print(`\n${testTable(each)}`)
    for (const { code, text } of warnings) print(paint('yellow', `\n${code} ${text}`))
    if (done) print(`\n${done.text}; ${done.requests} requests, ${Math.round(done.busMs / 1_000)} s of the line, nothing was written to any device`)
  }
  if (options.save !== undefined) await saveFound(options.save, found, tested, options, summary)
}

/** Values now of what was identified, in the units of its profile; one line after the other, opened again. */
async function testAll(found: readonly FoundDevice[], library: readonly ScanProfile[]): Promise<readonly TestedDevice[]> {
  const out: TestedDevice[] = []
  for (const device of found) {
    const profile = library.find(({ name }) => name === device.identified?.profile)
    if (!profile) continue
    try {
      await using line = await openPlace(device.place)
      out.push({ device, test: await readTest(line, device.unitId, profile, patientMs), failed: null })
    } catch (error) {
      out.push({ device, test: null, failed: `${codeOf(error)} ${describe(error)}` })
    }
  }
  return out
}

function tellFound({ unitId, identified, duplicate }: FoundDevice): void {
  if (process.stdout.isTTY) print(`unit ${unitId}: ${duplicate ? paint('red', 'two devices') : identified ? paint('green', `${identified.profile} (${identified.score} of 100)`) : paint('yellow', 'not identified')}`)
}

const foldersOf = ({ profiles, save }: ScanOptions): readonly string[] => [...(profiles === undefined ? [] : [profiles]), ...(save === undefined ? [] : [path.join(path.dirname(path.resolve(save)), 'profiles')]), path.resolve('profiles')]

function unitsOf(text: string | undefined, kind: 'rtu' | 'tcp'): { readonly first: number; readonly last: number } {
  const [, from, to] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(text ?? '1-247') ?? []
  const [first, last] = [Number(from), Number(to ?? from)]
  if (from === undefined || first < (kind === 'tcp' ? 0 : 1) || last > (kind === 'tcp' ? 255 : 247) || last < first) throw new ConfigError('PROBE_USAGE', `"${text}" is no range of unit ids; write 1-247 or 5`)
  return { first, last }
}

const parities = ['none', 'even', 'odd'] as const

/** What was asked for, in the usual order; undefined: all that is common. */
function settingsOf({ baud, parity }: ScanOptions): readonly SerialSetting[] | undefined {
  if (baud === undefined && parity === undefined) return undefined
  const rates = baud?.split(',').map(Number) ?? [...new Set(commonSettings.map(({ baudRate }) => baudRate))]
  const wanted = parity?.split(',') ?? ['none', 'even']
  for (const rate of rates) if (!Number.isInteger(rate) || rate < 300 || rate > 1_000_000) throw new ConfigError('PROBE_USAGE', `"${baud}" is no list of baud rates; write 9600,19200`)
  return rates.flatMap((baudRate) => wanted.map((name): SerialSetting => {
    const known = parities.find((each) => each === name)
    if (!known) throw new ConfigError('PROBE_USAGE', `"${name}" is no parity; write none, even or odd`)
    return { baudRate, parity: known, stopBits: 1 }
  }))
}
