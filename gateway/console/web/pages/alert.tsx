import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { AlertView } from '../../api/index.ts'
import { act, told } from '../acts.ts'
import { momentOf } from '../format.ts'
import { named, say, t } from '../language.ts'
import { Acknowledge, AlertMarks, people, SeverityTag, tellOf } from '../parts/alert-card.tsx'
import { Dialog, Field } from '../parts/dialog.tsx'
import { Loading } from '../parts/loading.tsx'
import { PersonPicker } from '../parts/person-picker.tsx'
import { Photo, PhotoField } from '../parts/photo.tsx'
import { hrefOf } from '../route.ts'
import { alertDetail, deviceName, may, now, personName, placeName } from '../state.ts'
import { words, type Word } from '../words.ts'

type Asking = 'assign' | 'shelve' | 'resolve' | 'evaluate' | 'reopen' | 'comment'
const asking = signal<Asking | null>(null)

export function AlertPage({ id }: { readonly id: string }): JSX.Element {
  // Who leaves with a question open is not asked it of the next.
  useEffect(() => () => { asking.value = null }, [])
  const alert = alertDetail.value
  if (alert?.id !== id) return <><a class="back" href={hrefOf('alerts')}>{t('back')}</a><Loading /></>
  const who = people(alert)
  const word = told.value.get(id)
  return (
    <>
      <a class="back" href={hrefOf('alerts')}>‹ {t('back')}</a>
      <article class={`card alert-page severity-edge-${alert.severity}`}>
        <div class="alert-line"><SeverityTag severity={alert.severity} /><span class="badge">{alert.shelved ? t('shelvedOnes') : t(`state_${alert.state}`)}</span><AlertMarks alert={alert} /></div>
        <h1>{named(alert.title)}</h1>
        <Said alert={alert} />
        <dl class="facts">
          {alert.place ? <><dt>{t('place')}</dt><dd>{placeName(alert.place)}</dd></> : null}
          {alert.deviceId ? <><dt>{t('device')}</dt><dd><a href={hrefOf('devices', alert.deviceId)}>{deviceName(alert.deviceId)}</a></dd></> : null}
          <dt>{t('raisedAt')}</dt><dd>{momentOf(alert.raisedAt, now.value)}{alert.count > 1 ? ` · ${say('times', alert.count)}` : ''}</dd>
          {who ? <><dt>{t('progress')}</dt><dd>{who}</dd></> : null}
        </dl>
        <Acknowledge group={[alert]} place="page" />
        <div class="told" role="status">{word ? tellOf(word) : null}</div>
        {may('staff') ? <Actions alert={alert} /> : null}
      </article>
      <section aria-labelledby="timeline"><h2 id="timeline">{t('timeline')}</h2><Timeline alert={alert} /></section>
      {asking.value ? <Ask alert={alert} what={asking.value} key={asking.value} /> : null}
    </>
  )
}

function Actions({ alert }: { readonly alert: AlertView }): JSX.Element {
  const open = alert.state === 'raised' || alert.state === 'acknowledged'
  const done = !open
  const button = (what: Asking): JSX.Element => <button type="button" key={what} onClick={() => { asking.value = what }}>{t(what)}</button>
  return (
    <>
      <div class="actions">
        {open ? button('assign') : null}
        {open && !alert.shelved ? button('shelve') : null}
        {open && alert.shelved ? <button type="button" onClick={() => void act(alert, { act: 'unshelve' })}>{t('unshelve')}</button> : null}
        {open && alert.condition !== 'active' ? button('resolve') : null}
        {done ? button('evaluate') : null}
        {done ? button('reopen') : null}
        {button('comment')}
      </div>
      {open && alert.condition === 'active' ? <p class="quiet-line">{t('stillActive')}</p> : null}
    </>
  )
}

const isReport = ({ key }: AlertView): boolean => key.startsWith('report/')
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
/** A report is what a resident wrote and showed: it stands first, not in the story of what was done. */
function Said({ alert }: { readonly alert: AlertView }): JSX.Element | null {
  const data = isReport(alert) ? alert.timeline[0]?.data : undefined
  const [text, photo] = [textOf(data?.['text']), textOf(data?.['photo'])]
  return text || photo ? <figure class="said"><figcaption>{t('said')}</figcaption>{text ? <blockquote>{text}</blockquote> : null}{photo ? <Photo id={photo} /> : null}</figure> : null
}

const byBox = new Set(['', 'gateway', 'linli', 'box'])
function Timeline({ alert }: { readonly alert: AlertView }): JSX.Element {
  return (
    <ol class="timeline card">
      {alert.timeline.map((entry, index) => {
        const word = `what_${entry.what}`
        // Of a report the title says it, in words.
        const above = isReport(alert) && index === 0
        const text = (above ? [] : ['note', ...(isReport(alert) ? [] : ['reason']), 'text', 'score', 'detail']).flatMap((key) => { const said = entry.data?.[key]; return typeof said === 'string' || typeof said === 'number' ? [key === 'score' ? say('stars', Number(said)) : String(said)] : [] })
        const [to, photo] = [entry.data?.['to'], above ? undefined : entry.data?.['photo']]
        return (
          <li key={index}>
            <time dateTime={new Date(entry.at).toISOString()}>{momentOf(entry.at, now.value)}</time>
            <span><strong>{word in words ? t(word as Word) : entry.what}</strong>{typeof to === 'string' ? ` → ${personName(to)}` : ''}{entry.data?.['origin'] === 'resident' ? ` · ${t('aResident')}` : entry.by && !byBox.has(entry.by) ? ` · ${personName(entry.by)}` : ''}{text.length > 0 ? <q>{text.join(' · ')}</q> : null}{typeof photo === 'string' ? <Photo id={photo} /> : null}</span>
          </li>
        )
      })}
    </ol>
  )
}

const minuteMs = 60_000
const durations = [15 * minuteMs, 60 * minuteMs, 4 * 60 * minuteMs, 8 * 60 * minuteMs, 24 * 60 * minuteMs]
const durationWord = (ms: number): string => (ms < 60 * minuteMs ? say('minutes', ms / minuteMs) : say('hours', ms / 60 / minuteMs))
const scores = [1, 2, 3, 4, 5] as const

function Ask({ alert, what }: { readonly alert: AlertView; readonly what: Asking }): JSX.Element {
  const [text, setText] = useState('')
  const [to, setTo] = useState('')
  const [forMs, setForMs] = useState(durations[1]!)
  const [photo, setPhoto] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const [score, setScore] = useState<1 | 2 | 3 | 4 | 5 | null>(null)
  const close = (): void => { asking.value = null }
  const orders = {
    assign: () => act(alert, { act: 'assign', to }), shelve: () => act(alert, { act: 'shelve', forMs, reason: text.trim() }), resolve: () => act(alert, { act: 'resolve', note: text.trim(), ...(photo === null ? {} : { photo }) }),
    evaluate: () => act(alert, { act: 'evaluate', score: score!, ...(text.trim() ? { text: text.trim() } : {}) }), reopen: () => act(alert, { act: 'reopen', note: text.trim() }), comment: () => act(alert, { act: 'comment', text: text.trim() }),
  } as const
  const submit = (event: SubmitEvent): void => { event.preventDefault(); close(); void orders[what]() }
  const label = what === 'evaluate' ? t('evaluateText') : t(what === 'resolve' ? 'note' : what === 'comment' ? 'comment' : 'reason')
  return (
    <Dialog title={what === 'evaluate' ? t('evaluateHow') : t(what)} onClose={close}>
      <form onSubmit={submit}>
        {what === 'assign' ? <Field label={t('assignTo')}>{(id) => <PersonPicker id={id} value={to} onPick={setTo} />}</Field> : null}
        {what === 'shelve' ? <fieldset class="choices"><legend>{t('shelveFor')}</legend>{durations.map((ms) => <label key={ms}><input type="radio" name="for" checked={ms === forMs} onChange={() => setForMs(ms)} /><span>{durationWord(ms)}</span></label>)}</fieldset> : null}
        {what === 'evaluate' ? <fieldset class="choices"><legend>{t('evaluate')}</legend>{scores.map((each) => <label key={each}><input type="radio" name="score" required checked={each === score} onChange={() => setScore(each)} /><span>{say('stars', each)}</span></label>)}</fieldset> : null}
        {what === 'assign' ? null : <Field label={label}>{(id) => <textarea id={id} rows={3} maxLength={500} required={what !== 'evaluate'} value={text} onInput={(event) => setText(event.currentTarget.value)} />}</Field>}
        {what === 'resolve' ? <PhotoField onTaken={setPhoto} onBusy={setBusy} /> : null}
        <div class="dialog-foot"><button type="button" onClick={close}>{t('cancel')}</button><button type="submit" class="primary" disabled={busy}>{t(what)}</button></div>
      </form>
    </Dialog>
  )
}
