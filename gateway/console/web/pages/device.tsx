import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { DeviceDetail, PointView } from '../../api/index.ts'
import { agoOf, momentOf, numberOf, unitOf, valueOf } from '../format.ts'
import { call } from '../api.ts'
import { named, say, t, tState } from '../language.ts'
import { PointChart } from '../parts/chart.tsx'
import { Dialog, Field } from '../parts/dialog.tsx'
import { Loading } from '../parts/loading.tsx'
import { Failed, Why } from '../parts/problem.tsx'
import { hrefOf } from '../route.ts'
import { StateShape } from '../shapes.tsx'
import { deviceDetail, load, may, now, placeName } from '../state.ts'
import { words } from '../words.ts'
import { deviceMark, pointMark } from './devices.tsx'

const picked = signal<string | null>(null)
const writing = signal<string | null>(null)

export function DevicePage({ id }: { readonly id: string }): JSX.Element {
  // Who leaves with a question open is not asked it at the next visit.
  useEffect(() => () => { writing.value = null }, [])
  const device = deviceDetail.value
  if (device?.id !== id) return <><a class="back" href={hrefOf('devices')}>‹ {t('back')}</a><Loading /></>
  const charted = device.points.find((point) => point.id === picked.value) ?? device.points.find(({ type, unit }) => type === 'number' && unit !== undefined) ?? device.points.find(({ type }) => type === 'number') ?? device.points.find(({ type }) => type === 'boolean')
  // A cause that all of them share is told once.
  const told = new Set([device.reason])
  const isNews = ({ reason, type }: PointView): boolean => {
    const known = told.has(reason) || told.has(`${reason} ${type}`)
    told.add(`${reason} ${type}`)
    return reason !== undefined && !known
  }
  const target = device.points.find((point) => point.id === writing.value)
  return (
    <>
      <a class="back" href={hrefOf('devices')}>‹ {t('back')}</a>
      <article class="card">
        <h1>{named(device.name)}</h1>
        <p class="device-state"><StateShape state={deviceMark[device.state]} />{tState('device', device.state)}{device.since ? ` · ${say('since', momentOf(device.since, now.value))}` : ''}</p>
        <dl class="facts">
          {device.place ? <><dt>{t('place')}</dt><dd>{placeName(device.place)}</dd></> : null}
          <dt>{t('lastSeen')}</dt><dd>{device.lastSeenAt === null ? t('notYet') : `${agoOf(device.lastSeenAt, now.value)} · ${momentOf(device.lastSeenAt, now.value)}`}</dd>
        </dl>
        {device.reason ? <Why code={device.reason} /> : null}
        <ul class="points">{device.points.map((point) => <Point point={point} charted={point.id === charted?.id} why={isNews(point)} key={point.id} />)}</ul>
      </article>
      {charted ? <section class="card" aria-labelledby="chart"><h2 id="chart">{named(charted.name)}</h2><PointChart point={charted} key={charted.id} /></section> : null}
      <Bus device={device} />
      {target ? <Write point={target} key={target.id} /> : null}
    </>
  )
}

interface PointProps { readonly point: PointView; readonly charted: boolean; readonly why: boolean }
function Point({ point, charted, why }: PointProps): JSX.Element {
  const quality = point.quality ?? 'unknown'
  return (
    <li>
      <div class="point-line">
        <button type="button" class="plain point-name" aria-pressed={charted} disabled={point.type === 'string'} onClick={() => { picked.value = point.id }}>{named(point.name)}</button>
        <strong class={`point-value quality-${quality}`}>{valueOf(point)}</strong>
        <span class="device-state"><StateShape state={pointMark(point)} />{t(`quality_${quality}`)}</span>
        {point.writable ? <button type="button" onClick={() => { writing.value = point.id }}>{t('write')}</button> : null}
      </div>
      {why ? <Why code={point.reason!} type={point.type} /> : null}
    </li>
  )
}

/** In words, and as in the drivers' documents: installers look them up there. */
function Counters({ counters }: { readonly counters: Readonly<Record<string, number>> }): JSX.Element {
  return <dl class="facts numbers">{Object.entries(counters).map(([name, value]) => <><dt>{`counter_${name}` in words ? `${tState('counter', name)} ` : ''}<code>{name}</code></dt><dd>{numberOf(value)}</dd></>)}</dl>
}

function Bus({ device: { bus } }: { readonly device: DeviceDetail }): JSX.Element {
  return (
    <details class="card">
      <summary>{t('bus')} <code>{bus.id}</code> · {tState('connection', bus.state)}</summary>
      {bus.lastError ? <Why code={bus.lastError} heading={false} /> : null}
      <h3>{t('busStatistics')}</h3>
      <Counters counters={bus.statistics} />
      {Object.keys(bus.device).length > 0 ? <><h3>{t('busDevice')}</h3><Counters counters={bus.device} /></> : null}
      {may('installer') ? bus.findings.map((finding) => <p lang="en" key={finding.code + finding.text}><code>{finding.code}</code> {finding.text}</p>) : null}
    </details>
  )
}

function Write({ point }: { readonly point: PointView }): JSX.Element {
  const [text, setText] = useState(typeof point.value === 'boolean' ? String(!point.value) : String(point.value ?? ''))
  const [state, setState] = useState<'asking' | 'writing' | 'written'>('asking')
  const [failed, setFailed] = useState<string | null>(null)
  const value = point.type === 'boolean' ? text === 'true' : point.type === 'number' ? Number(text) : text
  const fits = point.type !== 'number' || (text.trim() !== '' && Number.isFinite(value) && Number(value) >= (point.min ?? -Infinity) && Number(value) <= (point.max ?? Infinity))
  const range = point.min !== undefined && point.max !== undefined ? say('range', String(point.min), String(point.max)) : ''
  const shown = point.type === 'number' ? `${value} ${unitOf(point.unit)}`.trim() : valueOf({ id: point.id, value })
  const close = (): void => { writing.value = null }
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    setState('writing')
    const answer = await call('write', { id: point.id, body: { value, timeoutMs: 10_000 }, timeoutMs: 12_000 })
    setFailed(answer.ok ? null : answer.problem.code)
    setState(answer.ok ? 'written' : 'asking')
    if (answer.ok) void load.device(point.id.split('.')[0]!)
  }
  return (
    <Dialog title={t('writeTitle')} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <Field label={`${named(point.name)} · ${t('writeValue')}`} hint={[range, unitOf(point.unit)].filter(Boolean).join(' ')}>{(id, hint) => (point.type === 'boolean'
          ? <select id={id} value={text} onChange={(event) => setText(event.currentTarget.value)}><option value="true">{valueOf({ id: point.id, value: true })}</option><option value="false">{valueOf({ id: point.id, value: false })}</option></select>
          : point.type === 'number'
            ? <input id={id} aria-describedby={hint} type="number" step="any" min={point.min} max={point.max} required value={text} onInput={(event) => setText(event.currentTarget.value)} />
            : <input id={id} type="text" required value={text} onInput={(event) => setText(event.currentTarget.value)} />)}</Field>
        <p class="ask">{fits ? say('writeAsk', named(point.name), shown) : range}</p>
        <p class="warn">{t('writeWarn')}</p>
        <Failed code={failed} />
        <div role="status">{state === 'writing' ? t('writing') : state === 'written' ? t('written') : null}</div>
        <div class="dialog-foot"><button type="button" onClick={close}>{t(state === 'written' ? 'close' : 'cancel')}</button>{state === 'written' ? null : <button type="submit" class="primary" disabled={state === 'writing' || !fits}>{t('writeDo')}</button>}</div>
      </form>
    </Dialog>
  )
}
