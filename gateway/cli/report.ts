import { writeFile } from 'node:fs/promises'
import { renderReport, type ReportFigures, type ReportNames } from '../../rules/report/index.ts'
import { controlClient } from '../control/client.ts'
import type { ReportAnswer, ReportPort } from '../control/report.ts'
import { codeOf, ConfigError } from '../kit/errors.ts'
import { paint, print, printJson, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'
import { span } from './status.ts'

export interface ReportCommand extends SocketOptions { readonly month?: string; readonly html?: string; readonly fresh?: boolean; readonly shift?: string | true; readonly alarms?: boolean; readonly json?: boolean }

/** `linli report`: the facility's figures of a month, from the running gateway, or from its folder where none runs. */
export async function report(file: string | undefined, options: ReportCommand): Promise<void> {
  if (options.shift !== undefined || options.alarms) return reportPart(file, options)
  const { told, figures: data, names: known, stopped } = await answerOf(file ?? options.site, options)
  const [figures, names] = [data as unknown as ReportFigures, known as ReportNames]
  if (options.html) {
    await writeFile(options.html, renderReport(figures, names)).catch((cause: unknown) => { throw new ConfigError('REPORT_TARGET', `${options.html} cannot be written (${codeOf(cause)}); choose another file`, { cause }) })
    if (!options.json) print(`${options.html} written; print it on A4`)
  }
  if (options.json) return printJson(figures)
  if (stopped !== undefined) print(paint('gray', `the gateway does not run; drawn up from ${stopped}`))
  if (!options.html) print(renderText(figures, names, told))
}

/** `stopped`: the folder it was drawn up from. */
async function answerOf(file: string | undefined, { month, fresh = false, socket }: ReportCommand): Promise<ReportAnswer & { readonly stopped?: string }> {
  const site = file === undefined ? undefined : await (await import('./rooms.ts')).readSite(file)
  const address = socket === undefined && site ? site.control.socket : await socketPath({ socket })
  try {
    return await controlClient(address).report(month, fresh)
  } catch (error) {
    if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error
    if (!site) throw unreachable(address, error)
    const { openStopped } = await import('./stopped-report.ts')
    return { ...await (await openStopped(site, address)).answer(month, fresh), stopped: site.store.path }
  }
}

async function reportPart(file: string | undefined, options: ReportCommand): Promise<void> {
  if (options.shift !== undefined && options.alarms) throw new ConfigError('REPORT_USAGE', 'give --shift or --alarms, one at a time')
  if (options.html) throw new ConfigError('REPORT_USAGE', '--html writes the report of a month; a shift is printed from the console, under its reports')
  // `linli report --shift site.yaml`: the word after --shift is the site file.
  const swallowed = file === undefined && typeof options.shift === 'string' && /\.ya?ml$/.test(options.shift) ? options.shift : undefined
  const asked: ReportCommand = swallowed === undefined ? options : { ...options, shift: true }
  const { reports, timezone, stopped } = await portOf(swallowed ?? file ?? options.site, asked)
  if (stopped !== undefined && !asked.json) print(paint('gray', `the gateway does not run; drawn up from ${stopped}`))
  await (await import('./report-shift.ts')).reportOf(reports, timezone, asked)
}

interface Source { readonly reports: Pick<ReportPort, 'alarms' | 'shifts' | 'shift'>; readonly timezone: string; readonly stopped?: string }

/** The running gateway, or its folder where none runs. */
async function portOf(file: string | undefined, { socket }: ReportCommand): Promise<Source> {
  const site = file === undefined ? undefined : await (await import('./rooms.ts')).readSite(file)
  const address = socket === undefined && site ? site.control.socket : await socketPath({ socket })
  const client = controlClient(address)
  try {
    return { reports: client, timezone: (await client.status()).timezone }
  } catch (error) {
    if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error
    if (!site) throw unreachable(address, error)
    return { reports: await (await import('./stopped-report.ts')).openStopped(site, address), timezone: site.site.timezone, stopped: site.store.path }
  }
}

const unreachable = (address: string, cause: unknown): ConfigError =>
  new ConfigError('CONTROL_UNREACHABLE', `no gateway answers on ${address}; give the site file, so that the report is drawn up from the folder of the stopped gateway, or start the gateway with "linli run SITE.yaml"`, { cause })

const percent = (share: number | null): string => (share === null ? paint('yellow', 'not known') : `${(share * 100).toFixed(1)} %`)
const time = (seconds: number | null): string => (seconds === null ? '–' : seconds < 60 ? `${seconds} s` : span(seconds * 1_000))

/** The text of `linli report`. */
export function renderText(figures: ReportFigures, { names }: Pick<ReportNames, 'names'>, told: boolean): string {
  const { month, complete, watched, terminals, alerts, calls, devices, climate, energy, ratings } = figures
  const name = (id: string): string => (Object.hasOwn(names, id) ? names[id]!.zh : id)
  const days = (list: readonly string[]): string => (list.length === 0 ? 'none' : list.join(', '))
  return [
    `${paint('bold', month)}${complete ? '' : paint('yellow', '  the month is not over')}${told ? '  as it went up to the platform' : ''}`,
    watched ? `data for ${percent(watched.ofS > 0 ? watched.knownS / watched.ofS : null)} of the time; days without: ${days(watched.daysWithout)}; in part: ${days(watched.daysPartly)}` : paint('yellow', 'no history is kept: devices and climate are not known'),
    table([['TERMINAL', 'AVAILABILITY', 'LIMITED', 'DOWN', 'NOT KNOWN', 'SESSIONS'], ...terminals.map((each) => [name(each.kiosk), percent(each.availability), time(each.degradedS), time(each.downS), time(each.unknownS), String(each.sessions)])]),
    table([['SEVERITY', 'RAISED', 'RESPONSE MEDIAN', 'P90', 'IN TIME', 'CLOSING MEDIAN', 'P90', 'IN TIME', 'OPEN'], ...alerts.bySeverity.map(({ severity, raised, response, closing, open }) => [String(severity), String(raised), time(response.medianS), time(response.p90S), `${response.inTime}/${response.n}`, time(closing.medianS), time(closing.p90S), `${closing.inTime}/${closing.n}`, String(open)])]),
    `reopened ${alerts.reopened.n} of ${alerts.reopened.of}  calls ${calls}  ratings ${ratings.n}, mean ${ratings.mean ?? '–'}, poor ${ratings.poor}`,
    `devices online ${percent(devices.online)}, ${devices.known} of ${devices.count} known`,
    ...(climate.length > 0 ? [table([['CLIMATE', 'FROM', 'TO', 'WITHIN', 'KNOWN'], ...climate.map((each) => [name(each.point), String(each.min ?? '–'), String(each.max ?? '–'), percent(each.within), percent(each.serviceS > 0 ? each.knownS / each.serviceS : null)])])] : []),
    ...(energy.length > 0 ? [table([['ENERGY', 'KWH', 'RESETS', ''], ...energy.map((each) => [name(each.point), each.kWh === null ? paint('yellow', 'not known') : String(each.kWh), String(each.resets), each.complete || each.kWh === null ? '' : 'not the whole month'])])] : []),
  ].join('\n\n')
}
