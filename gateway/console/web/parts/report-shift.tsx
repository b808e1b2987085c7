import type { JSX } from 'preact'
import type { ShiftAlertView, ShiftReport } from '../../api/index.ts'
import { dayOf, timeOf } from '../format.ts'
import { named, say, t, tState } from '../language.ts'
import { Level, moment, Paper, Part, Figures, Rows, spanOf } from './report.tsx'

const clockOf = (from: number) => (at: number): string => (dayOf(at) === dayOf(from) ? timeOf(at) : `${dayOf(at).slice(5)} ${timeOf(at)}`)

/** One shift on A4, for the one who hands over and the one who takes over. */
export function ShiftPaper({ report }: { readonly report: ShiftReport }): JSX.Element {
  const { shift, from, complete, duty, received, notes, alerts, open, doors, terminals, offline, calls, ratings } = report
  const at = clockOf(from)
  const row = (alert: ShiftAlertView): JSX.Element[] => [
    <Level severity={alert.severity} key="level" />,
    <><strong>{named(alert.title)}</strong>{alert.where ? <small>{named(alert.where)}{alert.times > 1 ? ` · ${say('times', alert.times)}` : ''}</small> : null}</>,
    <time>{at(alert.raisedAt)}</time>,
    <>{alert.acknowledged ? <><time>{at(alert.acknowledged.at)}</time> {named(alert.acknowledged.by.name)}<small>{say('after', spanOf(alert.acknowledged.ackS))}</small></> : alert.ended ? '—' : t('notAcknowledged')}</>,
    <>{alert.resolved ? <><time>{at(alert.resolved.at)}</time> {named(alert.resolved.by.name)}<small>{alert.resolved.note}</small></> : alert.ended ? t('endedItself') : t(alert.active ? 'condition_active' : 'openCount')}</>,
  ]
  const head = [t('severityHead'), t('whatHead'), t('raisedAt'), t('acknowledgedHead'), t('resolvedHead')]
  return (
    <Paper title={t('shiftReports')} sub={<>{dayOf(from)} {timeOf(from)} — {complete ? at(shift.to) : t('reportUnfinished')}{shift.name ? ` · ${named(shift.name)}` : ''}{shift.cut ? ` · ${t('reportCut')}` : ''}</>}>
      <Figures of={[[t('raisedCount'), alerts.raised], [t('acknowledgedCount'), alerts.acknowledged], [t('resolvedCount'), alerts.resolved], [t('openCount'), alerts.open], [t('ackMedian'), spanOf(alerts.medianS)], [t('ackP90'), spanOf(alerts.p90S)]]} />
      <Part title={t('onDuty')}>
        {duty.length === 0 ? <p class="empty">{t('nobodyKnown')}</p> : <ul class="duty">{duty.map(({ kind, person, from: begin, to }) => <li key={`${kind}${person.id}${begin}`}><strong>{named(person.name)}</strong> {at(begin)} — {to === null ? t('notHandedOver') : at(to)} <span class="badge">{t(kind === 'desk' ? 'shiftDesk' : 'shiftPlan')}</span></li>)}</ul>}
        {received ? <><h4>{t('noteReceived')}</h4><blockquote>{received.note}</blockquote><p class="quiet-line">{named(received.by.name)} · {moment(received.at)}</p></> : null}
        <h4>{t('noteLeft')}</h4>
        {notes.length === 0 ? <p class="empty">{t('noteNone')}</p> : notes.map(({ by, at: left, note }) => <div key={left}><blockquote>{note}</blockquote><p class="quiet-line">{named(by.name)} · {at(left)}</p></div>)}
      </Part>
      <Part title={t('alertsOfShift')}><Rows head={head} rows={alerts.list.map(row)} none={t('shiftQuiet')} /><More n={alerts.more} /></Part>
      <Part title={t('stillOpen')}><Rows head={head} rows={open.list.map(row)} none={t('nothingOpen')} /><More n={open.more} /></Part>
      {doors.list.length > 0 ? (
        <Part title={t('doors')}>
          <Rows head={[t('doorHead'), t('openedCount'), t('deniedCount')]} rows={doors.list.map(({ door, opened, denied }) => [named(door.name), opened, denied])} />
          {doors.highlights.length > 0 ? <><h4>{t('doorNotable')}</h4><ul>{doors.highlights.map((each, index) => <li key={index}>{at(each.at)} {named(each.door.name)} {tState('event', each.result)}</li>)}</ul></> : null}<More n={doors.more} />
        </Part>
      ) : null}
      {terminals.length > 0 ? <Part title={t('terminalsTile')}><Rows head={[t('terminalHead'), t('sessionsCount'), t('downTime'), t('limitedTime'), t('stateNow')]} rows={terminals.map(({ terminal, sessions, downS, limitedS, state }) => [named(terminal.name), sessions, spanOf(downS), spanOf(limitedS), state === null ? t('notKnown') : tState('kiosk', state)])} /></Part> : null}
      <Part title={t('devicesAway')}><Rows none={t('noneAway')} head={[t('device'), t('fromHead'), t('toHead')]} rows={offline.list.map(({ device, from: begin, to }) => [named(device.name), at(begin), to === null ? t('stillAway') : at(to)])} /><More n={offline.more} /></Part>
      <Part title={t('residentsHead')}><Figures of={[[t('callsCount'), calls], [t('ratingsCount'), ratings.n], [t('ratingsMean'), ratings.mean ?? '—'], [t('ratingsPoor'), ratings.poor]]} /></Part>
      <Signatures names={['signOff', 'signOn']} />
    </Paper>
  )
}

const More = ({ n }: { readonly n: number }): JSX.Element | null => (n > 0 ? <p>{say('moreRows', n)}</p> : null)

export function Signatures({ names }: { readonly names: readonly ('signOff' | 'signOn' | 'signChecked')[] }): JSX.Element {
  return <div class="signatures">{names.map((name) => <p key={name}>{t(name)}<span class="line" />{t('signDate')}<span class="line short" /></p>)}</div>
}
