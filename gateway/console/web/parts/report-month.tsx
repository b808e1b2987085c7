import type { JSX } from 'preact'
import type { AlarmsAnswer, MonthReport } from '../../api/index.ts'
import { numberOf, unitOf } from '../format.ts'
import { named, say, t } from '../language.ts'
import { Figures, Level, moment, Paper, Part, percentOf, Rows, spanOf } from './report.tsx'
import { Signatures } from './report-shift.tsx'

type Times = MonthReport['figures']['alerts']['bySeverity'][number]['response']
const timesOf = ({ n, medianS, p90S }: Times): string => (n === 0 ? '—' : `${spanOf(medianS)} / ${spanOf(p90S)}`)
const inTime = ({ n, inTime: kept }: Times): string => (n === 0 ? '—' : `${kept} / ${n}`)

/** A month of the building on A4. */
export function MonthPaper({ report: { figures, names: { names, units }, alarms } }: { readonly report: MonthReport }): JSX.Element {
  const { month, complete, watched, terminals, alerts, calls, devices, climate, energy, ratings } = figures
  const name = (id: string): string => (names[id] ? named(names[id]) : id)
  const worst = devices.list.filter(({ online }) => online === null || online < 1).slice(0, 10)
  return (
    <Paper title={t('monthReports')} sub={<>{month}{complete ? '' : ` · ${t('reportUnfinished')}`}</>}>
      <Part title={t('completeness')}>{watched ? <dl class="facts"><dt>{t('known')}</dt><dd>{percentOf(watched.ofS > 0 ? watched.knownS / watched.ofS : null)}</dd><dt>{t('daysWithout')}</dt><dd>{watched.daysWithout.join('  ') || t('none')}</dd><dt>{t('daysPartly')}</dt><dd>{watched.daysPartly.join('  ') || t('none')}</dd></dl> : <p>{t('noHistory')}</p>}</Part>
      <Part title={t('answering')}>
        <Rows head={[t('severityHead'), t('raisedCount'), t('responseHead'), t('inTimeHead'), t('closingHead'), t('unansweredCount'), t('openCount')]} rows={alerts.bySeverity.map((each) => [<Level severity={each.severity} key="level" />, each.raised, timesOf(each.response), inTime(each.response), timesOf(each.closing), each.unanswered, each.open])} />
        <p class="quiet-line"><span>{t('reopenedCount')} {alerts.reopened.n} / {alerts.reopened.of}</span><span>{t('callsCount')} {calls}</span></p>
      </Part>
      <AlarmParts alarms={alarms} />
      {terminals.length > 0 ? <Part title={t('terminalsTile')}><Rows head={[t('terminalHead'), t('availabilityHead'), t('limitedTime'), t('downTime'), t('unknownTime'), t('sessionsCount')]} rows={terminals.map((each) => [name(each.kiosk), percentOf(each.availability), spanOf(each.degradedS), spanOf(each.downS), spanOf(each.unknownS), each.sessions])} /></Part> : null}
      <Part title={t('devicesOnline')}><p><strong>{percentOf(devices.online)}</strong> ({devices.known} / {devices.count})</p>{worst.length > 0 ? <Rows head={[t('device'), t('onlineHead')]} rows={worst.map((each) => [name(each.device), percentOf(each.online)])} /> : null}</Part>
      {climate.length > 0 ? <Part title={t('climateHead')}><Rows head={[t('pointHead'), t('rangeHead'), t('withinHead')]} rows={climate.map((each) => [name(each.point), `${each.min ?? ''} – ${each.max ?? ''} ${unitOf(units[each.point])}`, percentOf(each.within)])} /></Part> : null}
      {energy.length > 0 ? <Part title={t('energyHead')}><Rows head={[t('pointHead'), t('consumption'), '']} rows={energy.map((each) => [name(each.point), each.kWh === null ? t('notKnown') : `${numberOf(each.kWh)} kWh`, each.kWh === null || each.complete ? '' : t('meterPartly')])} /></Part> : null}
      <Part title={t('residentsHead')}><Figures of={[[t('ratingsCount'), ratings.n], [t('ratingsMean'), ratings.mean ?? '—'], [t('ratingsPoor'), ratings.poor]]} /></Part>
      <p class="quiet-line">{t('leftOut')}</p>
      <Signatures names={['signChecked']} />
    </Paper>
  )
}

function AlarmParts({ alarms: { raised, bySeverity, byDay, actors, acknowledge, per10Min, standing } }: { readonly alarms: AlarmsAnswer }): JSX.Element {
  return (
    <Part title={t('alarmStatistics')}>
      <Figures of={[[t('raisedCount'), raised], [t('ackMedian'), spanOf(acknowledge.medianS)], [t('ackP90'), spanOf(acknowledge.p90S)], [t('unansweredCount'), acknowledge.unanswered], [t('standingOver'), standing.count]]} />
      <Figures of={[[t('meanRate'), per10Min.mean < 0.1 && per10Min.mean > 0 ? '< 0.1' : per10Min.mean.toFixed(1)], [t('peakRate'), <>{per10Min.peak}{per10Min.peakAt === null ? null : <small>{moment(per10Min.peakAt)}</small>}</>], [t('floodRate'), `${per10Min.aboveTen} / ${per10Min.intervals}`]]} />
      <p class="quiet-line">{t('eemua')}</p>
      {raised === 0 ? <p class="empty">{t('noAlarms')}</p> : (
        <>
          <h4>{t('badActors')}</h4>
          <Rows head={[t('whatHead'), t('device'), t('severityHead'), t('timesHead'), t('shareHead')]} rows={actors.slice(0, 10).map((each) => [named(each.title), each.name ? named(each.name) : '—', <Level severity={each.severity} key="level" />, each.raised, percentOf(each.share)])} />
          <h4>{t('byDay')}</h4>
          <Rows head={[t('day'), t('severity1'), t('severity2'), t('severity3'), t('severity4'), t('total')]} rows={[...byDay.filter((each) => each.raised > 0).map((each) => [each.day, ...each.bySeverity, each.raised]), [t('total'), ...bySeverity.map((each) => each.raised), raised]]} />
        </>
      )}
      {standing.list.length > 0 ? <><h4>{t('standingOver')}</h4><ul>{standing.list.map((each) => <li key={each.id}>{named(each.title)} · {say('since', moment(each.since))}</li>)}</ul></> : null}
    </Part>
  )
}
