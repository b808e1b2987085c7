import type { AlarmsAnswer, ShiftReport, ShiftsAnswer } from '../console/api/index.ts'
import type { EpochMs } from '../contract/index.ts'
import type { ReportPort } from '../control/report.ts'
import { severityWords } from '../kit/severity-words.ts'
import { paint, print, printJson, table } from './output.ts'
import { span } from './status.ts'

interface Asked { readonly shift?: string | true; readonly month?: string; readonly json?: boolean }
/** A moment in the site's time zone. */
type At = (ms: EpochMs) => string

const time = (seconds: number | null): string => (seconds === null ? '–' : seconds < 60 ? `${Math.round(seconds)} s` : span(seconds * 1_000))
const more = (n: number): string => (n > 0 ? `and ${n} more; linli events has them all` : '')
/** A table that has no rows says nothing. */
const rowsOf = (head: readonly string[], rows: readonly (readonly string[])[]): string => (rows.length === 0 ? '' : table([head, ...rows]))
const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n')

/** `linli report --shift`, `--alarms`. `zone`: the site's. */
export async function reportOf(reports: Pick<ReportPort, 'alarms' | 'shifts' | 'shift'>, zone: string, { shift, month, json }: Asked): Promise<void> {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })
  const at: At = (ms) => format.format(ms)
  const tell = <T>(answer: T, render: (answer: T, at: At) => string): void => { if (json) printJson(answer); else print(render(answer, at)) }
  if (shift === undefined) return tell(await reports.alarms(month), alarmsText)
  if (shift === true || !shift.includes('/')) return tell(await reports.shifts(shift === true ? undefined : shift), (answer) => shiftsText(answer, at, zone))
  tell(await reports.shift(shift), (answer) => shiftText(answer, at, zone))
}

function alarmsText({ from, to, raised, acknowledge, per10Min, standing, actors, others, uncounted }: AlarmsAnswer, at: At): string {
  return joined(
    `${paint('bold', `${at(from)} to ${at(to)}`)}  alarms raised ${raised}${uncounted > 0 ? paint('yellow', `, ${uncounted} more were not counted`) : ''}`,
    `acknowledged in median ${time(acknowledge.medianS)}, p90 ${time(acknowledge.p90S)}; not acknowledged ${acknowledge.unanswered}`,
    `per 10 min: mean ${per10Min.mean}, peak ${per10Min.peak}${per10Min.peakAt === null ? '' : ` at ${at(per10Min.peakAt)}`}; above ten ${per10Min.aboveTen} of ${per10Min.intervals}`,
    `standing over a day: ${standing.count === 0 ? 'none' : standing.list.map(({ title, since }) => `${title.zh} since ${at(since)}`).join(', ')}`,
    rowsOf(['TIMES', 'SHARE', 'RULE', 'DEVICE', 'TITLE'], actors.slice(0, maxActors).map((each) => [String(each.raised), `${(each.share * 100).toFixed(1)} %`, each.rule, each.device ?? '', each.title.zh])),
    others > 0 ? `by others: ${others}` : '',
  )
}
const maxActors = 10

function shiftsText({ shifts }: ShiftsAnswer, at: At, zone: string): string {
  const end = ({ open, kind, to }: ShiftsAnswer['shifts'][number]): string => (open && kind === 'desk' ? 'not handed over' : at(to))
  return joined(
    table([['SHIFT', `FROM (${zone})`, 'TO', 'PEOPLE'], ...shifts.map((each) => [each.id, at(each.from), end(each), each.people.map(({ name }) => name.zh).join(' ')])]),
    paint('gray', `one of them: linli report --shift ${shifts[0]?.id ?? 'SHIFT'}`),
  )
}

function shiftText({ shift, from, to, complete, duty, received, notes, alerts, open, doors, terminals, offline, calls, ratings }: ShiftReport, at: At, zone: string): string {
  const list = [...alerts.list, ...open.list.filter(({ id }) => !alerts.list.some((each) => each.id === id))]
  return joined(
    `${paint('bold', shift.id)}  ${at(from)} to ${at(to)} (${zone})${complete ? '' : paint('yellow', '  not over')}`,
    `on duty: ${duty.map(({ person, kind }) => `${person.name.zh} (${kind})`).join(', ') || 'nobody'}`,
    received ? `received from ${received.by.name.zh}, ${at(received.at)}: ${received.note}` : '',
    ...notes.map(({ by, at: when, note }) => `${by.name.zh}, ${at(when)}: ${note}`),
    `alerts: raised ${alerts.raised}  acknowledged ${alerts.acknowledged} (median ${time(alerts.medianS)}, p90 ${time(alerts.p90S)})  resolved ${alerts.resolved}  open ${alerts.open}  calls ${calls}  ratings ${ratings.n}${ratings.mean === null ? '' : `, mean ${ratings.mean}`}`,
    rowsOf(['SEVERITY', 'RAISED', 'TITLE', 'ACKNOWLEDGED', 'RESOLVED'], list.map((each) => [severityWords[each.severity].en, at(each.raisedAt), each.title.zh, each.acknowledged ? `${each.acknowledged.by.name.zh} after ${time(each.acknowledged.ackS)}` : '–', each.resolved ? each.resolved.note || each.resolved.by.name.zh : each.ended ? 'by itself' : '–'])),
    more(alerts.more + open.more),
    rowsOf(['DOOR', 'OPENED', 'DENIED'], doors.list.map(({ door, opened, denied }) => [door.name.zh, String(opened), String(denied)])),
    rowsOf(['TERMINAL', 'SESSIONS', 'DOWN', 'LIMITED', 'NOW'], terminals.map(({ terminal, sessions, downS, limitedS, state }) => [terminal.name.zh, String(sessions), time(downS), time(limitedS), state ?? '–'])),
    ...offline.list.map((each) => `offline: ${each.device.name.zh}, ${at(each.from)} to ${each.to === null ? 'now' : at(each.to)}`),
    more(offline.more),
  )
}
