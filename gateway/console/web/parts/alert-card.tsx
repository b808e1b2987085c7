import type { JSX } from 'preact'
import type { AlertView } from '../../api/index.ts'
import { act, actOnAll, told, underWay, waitsFor, type Told } from '../acts.ts'
import { explain } from '../codes.ts'
import { agoOf, momentOf } from '../format.ts'
import { language, named, say, t } from '../language.ts'
import { hrefOf } from '../route.ts'
import { SeverityShape } from '../shapes.tsx'
import { may, now, personName, placeName } from '../state.ts'
import type { Word } from '../words.ts'
import { useStill } from './still.ts'

/** Colour, shape and word. */
export function SeverityTag({ severity }: Pick<AlertView, 'severity'>): JSX.Element {
  return <span class={`severity severity-${severity}`}><SeverityShape severity={severity} />{t(`severity${severity}`)}</span>
}

/** What somebody who glances must know beside the title. */
export function AlertMarks({ alert }: { readonly alert: AlertView }): JSX.Element {
  const marks: string[] = []
  if (alert.mode) marks.push(t(`${alert.mode}Mode`))
  if (alert.condition === 'returned') marks.push(t(alert.state === 'raised' ? 'returnedWaiting' : 'condition_returned'))
  if (alert.condition === 'active' && alert.state !== 'raised') marks.push(t('condition_active'))
  if (alert.chattering) marks.push(t('chattering'))
  if (alert.suppressedBy !== undefined) marks.push(t('suppressed'))
  if (alert.state === 'raised' && alert.due.acknowledge !== undefined && alert.due.acknowledge < now.value) marks.push(t('overdue'))
  return <>{marks.map((mark) => <span class={alert.mode ? 'badge loud' : 'badge'} key={mark}>{mark}</span>)}</>
}

/** Who has it, or who ended it. */
export function people(alert: AlertView): string | null {
  if (alert.resolved && (alert.state === 'resolved' || alert.state === 'closed')) return say('resolvedBy', personName(alert.resolved.by), momentOf(alert.resolved.at, now.value))
  if (alert.shelved) return say('shelvedUntil', momentOf(alert.shelved.until, now.value), alert.shelved.reason)
  if (alert.assigned) return say('assignedTo', personName(alert.assigned.to))
  return alert.acknowledged ? say('ackedBy', personName(alert.acknowledged.by), momentOf(alert.acknowledged.at, now.value)) : null
}

export function tellOf(what: Told): string {
  if (what.kind === 'first') return say('firstWas', personName(what.by), momentOf(what.at, now.value))
  if (what.kind === 'refused') { const known = explain(what.code); return known ? `${named(known.why)}${named(known.next)}` : `${t('failed')}: ${what.code}` }
  return t(what.kind === 'queued' ? 'queued' : `did_${what.act}`)
}

/** One tap for all that stands on this line. `place`: where in its list it stands; a tap counts once it has stood there for a moment. */
export function Acknowledge({ group, place }: { readonly group: readonly AlertView[]; readonly place: string | number }): JSX.Element | null {
  const alert = group[0]!
  const still = useStill(`${alert.id} ${place}`)
  if (alert.state !== 'raised' || !may('staff')) return null
  const [many, title] = [group.length > 1, named(alert.title)]
  const waits = waitsFor(alert.id, 'acknowledge')
  const busy = underWay.value.has(alert.id)
  const word: Word = waits ? 'queued' : busy ? 'acknowledging' : 'acknowledge'
  const off = waits || busy
  // A key falls on what has the focus, wherever that has moved: detail counts the clicks of a pointer.
  const tap = ({ detail }: MouseEvent): void => { if (!off && (still || detail === 0)) void (many ? actOnAll(group, { act: 'acknowledge' }) : act(alert, { act: 'acknowledge' })) }
  return <button type="button" class={waits ? 'acknowledge waits' : 'acknowledge'} aria-disabled={off || !still} aria-label={off ? undefined : many ? say('ackAllOf', group.length, title) : say('ackOf', title)} onClick={tap}>{many && !off ? say('ackAll', group.length) : t(word)}</button>
}

const namedPlaces = 3
function placesOf(group: readonly AlertView[]): string | null {
  const all = [...new Set(group.flatMap(({ place }) => place ?? []))]
  return all.length === 0 ? null : say('places', all.slice(0, namedPlaces).map(placeName).join(language.value === 'zh' ? '、' : ', '), all.length > namedPlaces ? all.length : 0)
}

interface CardProps { readonly group: readonly AlertView[]; readonly place: number; readonly onMore?: (() => void) | undefined }
/** `group`: what stands on this line, mostly one. */
export function AlertCard({ group, place, onMore }: CardProps): JSX.Element {
  const [alert, alike, where] = [group[0]!, group.length, placesOf(group)]
  const word = told.value.get(alert.id)
  const who = people(alert)
  return (
    <li class={`card alert severity-edge-${alert.severity} is-${alert.state}`} data-alert={alert.id}>
      <div class="alert-body">
        <div class="alert-line"><SeverityTag severity={alert.severity} /><AlertMarks alert={alert} />{alert.count > 1 ? <span class="badge">{say('times', alert.count)}</span> : null}{alike > 1 ? <button type="button" class="badge more" onClick={onMore}>×{alike} · {say('grouped', alike)}</button> : null}</div>
        <a class="alert-title" href={hrefOf('alerts', alert.id)}>{named(alert.title)}</a>
        <div class="quiet-line">{where ? <span>{where}</span> : null}<time dateTime={new Date(alert.raisedAt).toISOString()}>{momentOf(alert.raisedAt, now.value)}</time><span>{agoOf(alert.raisedAt, now.value)}</span>{who ? <span>{who}</span> : null}</div>
      </div>
      <Acknowledge group={group} place={place} />
      <div class="told" role="status">{word && word.kind !== 'done' ? tellOf(word) : null}</div>
    </li>
  )
}
