import type { ReportPort } from '../control/report.ts'
import { severityWords } from '../kit/severity-words.ts'
import { paint, print, printJson, table } from './output.ts'
import { span } from './status.ts'

interface Asked { readonly shift?: string | true; readonly month?: string; readonly json?: boolean }

const time = (seconds: number | null): string => (seconds === null ? '–' : seconds < 60 ? `${Math.round(seconds)} s` : span(seconds * 1_000))
const at = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')

/** `linli report --shift`, `--alarms`. Times are UTC. */
export async function reportOf(reports: Pick<ReportPort, 'alarms' | 'shifts' | 'shift'>, { shift, month, json }: Asked): Promise<void> {
  if (shift === undefined) {
    const figures = await reports.alarms(month)
    if (json) return printJson(figures)
    const { raised, acknowledge, per10Min, standing, actors } = figures
    print(`alarms ${raised}  acknowledged in median ${time(acknowledge.medianS)}, p90 ${time(acknowledge.p90S)}, not acknowledged ${acknowledge.unanswered}\nper 10 min: mean ${per10Min.mean}, peak ${per10Min.peak}, above ten ${per10Min.aboveTen} of ${per10Min.intervals}  standing over a day ${standing.count}`)
    return print(table([['TIMES', 'SHARE', 'RULE', 'DEVICE', 'TITLE'], ...actors.slice(0, 10).map((each) => [String(each.raised), `${(each.share * 100).toFixed(1)} %`, each.rule, each.device ?? '', each.title.zh])]))
  }
  if (shift === true || !shift.includes('/')) {
    const answer = await reports.shifts(shift === true ? undefined : shift)
    if (json) return printJson(answer)
    return print(table([['SHIFT', 'FROM (UTC)', 'TO', 'PEOPLE'], ...answer.shifts.map((each) => [each.id, at(each.from), each.open ? 'not handed over' : at(each.to), each.people.map(({ name }) => name.zh).join(' ')])]))
  }
  const { from, to, complete, duty, notes, alerts, open, offline } = await reports.shift(shift).then((answer) => { if (json) printJson(answer); return answer })
  if (json) return
  print([
    `${paint('bold', shift)}  ${at(from)} to ${at(to)} UTC${complete ? '' : paint('yellow', '  not over')}`,
    `on duty: ${duty.map(({ person, kind }) => `${person.name.zh} (${kind})`).join(', ') || 'nobody took the desk'}`,
    ...notes.map(({ by, note }) => `${by.name.zh}: ${note}`),
    `alerts: raised ${alerts.raised}  acknowledged ${alerts.acknowledged} (median ${time(alerts.medianS)}, p90 ${time(alerts.p90S)})  resolved ${alerts.resolved}  open ${alerts.open}`,
    table([['SEVERITY', 'RAISED', 'TITLE', 'ACKNOWLEDGED', 'RESOLVED'], ...[...alerts.list, ...open.list.filter(({ id }) => !alerts.list.some((each) => each.id === id))].map((each) => [severityWords[each.severity].en, at(each.raisedAt), each.title.zh, each.acknowledged ? `${each.acknowledged.by.name.zh} after ${time(each.acknowledged.ackS)}` : '–', each.resolved ? each.resolved.note : each.ended ? 'by itself' : '–'])]),
    ...offline.list.map((each) => `offline: ${each.device.name.zh}, ${at(each.from)} to ${each.to === null ? 'now' : at(each.to)}`),
  ].join('\n'))
}
