import type { JSX } from 'preact'
import type { AlertView } from '../../api/index.ts'
import { act, told, underWay, waitsFor, type Told } from '../acts.ts'
import { explain } from '../codes.ts'
import { agoOf, momentOf } from '../format.ts'
import { named, say, t } from '../language.ts'
import { hrefOf } from '../route.ts'
import { SeverityShape } from '../shapes.tsx'
import { may, now, personName, placeName } from '../state.ts'
import type { Word } from '../words.ts'

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

export function people(alert: AlertView): string | null {
  if (alert.shelved) return say('shelvedUntil', momentOf(alert.shelved.until, now.value), alert.shelved.reason)
  if (alert.assigned) return say('assignedTo', personName(alert.assigned.to))
  return alert.acknowledged ? say('ackedBy', personName(alert.acknowledged.by), momentOf(alert.acknowledged.at, now.value)) : null
}

export function tellOf(what: Told): string {
  if (what.kind === 'first') return say('firstWas', personName(what.by), momentOf(what.at, now.value))
  if (what.kind === 'refused') { const known = explain(what.code); return known ? `${named(known.why)}${named(known.next)}` : `${t('failed')}: ${what.code}` }
  return t(what.kind === 'queued' ? 'queued' : 'done')
}

export function Acknowledge({ alert }: { readonly alert: AlertView }): JSX.Element | null {
  if (alert.state !== 'raised' || !may('staff')) return null
  const waits = waitsFor(alert.id, 'acknowledge')
  const busy = underWay.value.has(alert.id)
  const word: Word = waits ? 'queued' : busy ? 'acknowledging' : 'acknowledge'
  return <button type="button" class={waits ? 'acknowledge waits' : 'acknowledge'} aria-disabled={waits || busy} aria-label={waits || busy ? undefined : say('ackOf', named(alert.title))} onClick={() => { if (!waits && !busy) void act(alert, { act: 'acknowledge' }) }}>{t(word)}</button>
}

interface CardProps { readonly alert: AlertView; readonly alike?: number; readonly onMore?: (() => void) | undefined }
/** `alike`: how many more stand behind this one. */
export function AlertCard({ alert, alike = 1, onMore }: CardProps): JSX.Element {
  const word = told.value.get(alert.id)
  const who = people(alert)
  return (
    <li class={`card alert severity-edge-${alert.severity} is-${alert.state}`} data-alert={alert.id}>
      <div class="alert-body">
        <div class="alert-line"><SeverityTag severity={alert.severity} /><AlertMarks alert={alert} />{alert.count > 1 ? <span class="badge">{say('times', alert.count)}</span> : null}{alike > 1 ? <button type="button" class="badge more" onClick={onMore}>×{alike} · {say('grouped', alike)}</button> : null}</div>
        <a class="alert-title" href={hrefOf('alerts', alert.id)}>{named(alert.title)}</a>
        <div class="quiet-line">{alert.place ? <span>{placeName(alert.place)}</span> : null}<time dateTime={new Date(alert.raisedAt).toISOString()}>{momentOf(alert.raisedAt, now.value)}</time><span>{agoOf(alert.raisedAt, now.value)}</span>{who ? <span>{who}</span> : null}</div>
      </div>
      <Acknowledge alert={alert} />
      <div class="told" role="status">{word && word.kind !== 'done' ? tellOf(word) : null}</div>
    </li>
  )
}
