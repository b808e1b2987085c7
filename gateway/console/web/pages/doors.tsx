import type { JSX } from 'preact'
import type { DoorAnswer, TerminalAnswer } from '../../api/index.ts'
import { lasting, momentOf, timeOf } from '../format.ts'
import { named, say, t, tState } from '../language.ts'
import { Day } from '../parts/day.tsx'
import { Loading } from '../parts/loading.tsx'
import { StateShape, type StateMark } from '../shapes.tsx'
import { doors, now, placeName, terminals } from '../state.ts'

export function Doors(): JSX.Element {
  return (
    <>
      <h1>{t('doorsPage')}</h1>
      <section aria-labelledby="doors"><h2 id="doors">{t('doorsTile')}</h2>{doors.value === null ? <Loading /> : doors.value.length === 0 ? <p class="empty">{t('noDoors')}</p> : <ul class="cards two">{doors.value.map((door) => <Door door={door} key={door.id} />)}</ul>}</section>
      <section aria-labelledby="terminals"><h2 id="terminals">{t('terminalsTile')}</h2>{terminals.value === null ? <Loading /> : terminals.value.length === 0 ? <p class="empty">{t('noTerminals')}</p> : <ul class="cards two">{terminals.value.map((terminal) => <Terminal terminal={terminal} key={terminal.id} />)}</ul>}</section>
    </>
  )
}

/** As a person would ask for them, and always in this order. */
const results = ['opened', 'closed', 'granted', 'denied', 'forced', 'held-open', 'unlocked-too-long', 'tamper']
const rank = (result: string): number => (results.includes(result) ? results.indexOf(result) : results.length)
function Door({ door }: { readonly door: DoorAnswer }): JSX.Element {
  const wrong = door.conditions.length > 0 || door.fire
  const mark: StateMark = wrong ? 'bad' : door.contact === 'unknown' ? 'unknown' : 'good'
  return (
    <li class={`card door ${wrong ? 'level-fault' : ''}`}>
      <h3>{named(door.name)}</h3>
      <p class="big-state"><StateShape state={mark} />{tState('door', door.contact)}{door.contact === 'open' && door.openSince && now.value - door.openSince > 10_000 ? ` · ${lasting(now.value - door.openSince)}` : ''}</p>
      {door.lock ? <p>{tState('lock', door.lock)}</p> : null}
      {wrong ? <p class="warn">{[...(door.fire ? [t('doorFire')] : []), ...door.conditions.map((each) => tState('doorCondition', each))].join(' · ')}</p> : null}
      {door.lost.length > 0 ? <p class="warn">{t('doorLost')}</p> : null}
      <p class="quiet-line">{door.place ? <span>{placeName(door.place)}</span> : null}</p>
      {Object.keys(door.today).length > 0 ? <><h4>{t('today')}</h4><ul class="counts">{Object.entries(door.today).toSorted(([a], [b]) => rank(a) - rank(b)).map(([result, count]) => <li key={result}>{tState('event', result)} <strong>{count}</strong></li>)}</ul></> : null}
      {door.recent.length > 0 ? <><h4>{t('lastEvents')}</h4><ol class="recent">{door.recent.toReversed().slice(0, 6).map(({ at, result }, index) => <li key={index}><time dateTime={new Date(at).toISOString()}>{momentOf(at, now.value)}</time> {tState('event', result)}</li>)}</ol></> : null}
      <Day of={{ door: door.id }} />
    </li>
  )
}

const marks: Readonly<Record<string, StateMark>> = { available: 'good', degraded: 'uncertain', down: 'bad', unknown: 'unknown', outside: 'good' }
function Terminal({ terminal }: { readonly terminal: TerminalAnswer }): JSX.Element {
  const { condition, reasons, sessions } = terminal
  return (
    <li class="card terminal">
      <h3>{named(terminal.name)}</h3>
      <p class="big-state"><StateShape state={marks[condition] ?? 'unknown'} />{tState('kiosk', condition)}</p>
      {reasons.length > 0 ? <p class="warn">{reasons.map(named).join(' · ')}</p> : null}
      <p class="quiet-line">{terminal.place ? <span>{placeName(terminal.place)}</span> : null}{terminal.since ? <span>{say('since', momentOf(terminal.since, now.value))}</span> : null}<span>{say('sessionsToday', sessions.count)}</span></p>
      <h4>{t('byHour')}</h4>
      <Hours hours={terminal.hours} />
      <Day of={{ terminal: terminal.id }} />
    </li>
  )
}

const hourMs = 3_600_000
const hoursShown = 24
const usableIn = (ms: Readonly<Record<string, number>>): readonly [usable: number, counted: number] => { const usable = (ms['available'] ?? 0) + (ms['degraded'] ?? 0); return [usable, usable + (ms['down'] ?? 0)] }
/** A bar an hour, the present one last. Its height is the share of time it could be used; a dashed outline: not known. */
function Hours({ hours }: Pick<TerminalAnswer, 'hours'>): JSX.Element {
  const last = hours[0]?.from ?? Math.floor(now.value / hourMs) * hourMs
  const bars = Array.from({ length: hoursShown }, (_, index) => {
    const from = last - (hoursShown - 1 - index) * hourMs
    const [usable, counted] = usableIn(hours.find((hour) => hour.from === from)?.ms ?? {})
    return { from, percent: counted > 0 ? Math.round(usable / counted * 100) : null }
  })
  const [usable, counted] = hours.reduce(([some, all], { ms }) => { const [a, b] = usableIn(ms); return [some + a, all + b] as const }, [0, 0] as readonly [number, number])
  return (
    <>
      {counted > 0 ? <p>{say('usableHours', Math.floor(usable / counted * 100))}</p> : null}
      <svg class="hours" viewBox={`0 0 ${hoursShown * 12} 52`} role="img" aria-label={bars.flatMap(({ from, percent }) => (percent === null ? [] : [say('availability', timeOf(from), percent)])).join('; ') || t('kiosk_unknown')}>
        {bars.map(({ from, percent }, index) => {
          const x = index * 12
          return percent === null ? <rect class="nothing" key={from} x={x + 1.5} y={1} width={9} height={38} /> : <g key={from}><rect class="whole" x={x + 1} y={0} width={10} height={40} /><rect class={percent < 100 ? 'some' : 'full'} x={x + 1} y={40 - percent * 0.4} width={10} height={percent * 0.4} /></g>
        })}
        {bars.map(({ from }, index) => (Number(timeOf(from).slice(0, 2)) % 6 === 0 ? <text key={from} x={index * 12} y={51}>{timeOf(from).slice(0, 2)}</text> : null))}
      </svg>
      <small>{t('hoursLegend')}</small>
    </>
  )
}
