import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { AuditAnswer, MaintenanceAnswer } from '../../api/index.ts'
import { call, type Result } from '../api.ts'
import { momentOf } from '../format.ts'
import { named, say, t, tState } from '../language.ts'
import { Pins, Users } from '../parts/accounts.tsx'
import { Field, typing } from '../parts/dialog.tsx'
import { Failed } from '../parts/problem.tsx'
import { hrefOf } from '../route.ts'
import { CheckUp } from './check-up.tsx'
import { SupportBundle } from './support-bundle.tsx'
import { deviceName, devices, load, may, now, personName, placeName, session } from '../state.ts'
import { words } from '../words.ts'

const audit = signal<AuditAnswer | null>(null)
const maintenance = signal<readonly MaintenanceAnswer[] | null>(null)
const failed = signal<string | null>(null)

/** Remembers why something was refused; true when it was done. */
const took = (answer: Result<unknown>): boolean => { failed.value = answer.ok ? null : answer.problem.code; return answer.ok }
async function reload(): Promise<void> {
  const keep = <T,>(target: { value: T | null }, asked: Promise<Result<T>>): Promise<void> => asked.then((answer) => { if (answer.ok) target.value = answer.value })
  await Promise.all([keep(maintenance, call('maintenance')), load.devices(), ...(may('admin') ? [keep(audit, call('audit', { query: { limit: 100 } }))] : [])])
}

export function Installer(): JSX.Element {
  useEffect(() => { failed.value = null; void reload() }, [])
  if (!may('installer')) return <><h1>{t('installer')}</h1><p class="empty">{t('notAllowed')}</p></>
  return (
    <>
      <h1>{t('installer')}</h1>
      <p class="quiet-line">{t('version')} {session.value?.version}</p>
      <Failed code={failed.value} />
      <nav class="actions" aria-label={t('installer')}>{(['discovery', 'commissioning', 'configuration', 'logs'] as const).map((place) => <a class="button" key={place} href={hrefOf(place)}>{t(place)}</a>)}</nav>
      <CheckUp />
      <SupportBundle />
      <Maintenance />
      {may('admin') ? <><Users /><Pins /><Audit /><p><a href={hrefOf('setup', '1')}>{t('setupShow')}</a></p></> : null}
    </>
  )
}

const hourMs = 3_600_000
const lengths = [1, 4, 8, 24] as const
function Maintenance(): JSX.Element {
  const [form, setForm] = useState({ device: '', hours: 4, reason: '' })
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    if (took(await call('beginMaintenance', { body: { device: form.device, forMs: form.hours * hourMs, reason: form.reason.trim() } }))) setForm({ ...form, reason: '' })
    await reload()
  }
  return (
    <section class="card" aria-labelledby="maintenance">
      <h2 id="maintenance">{t('maintenance')}</h2><p>{t('maintenanceWhy')}</p>
      {maintenance.value?.length === 0 ? <p>{t('maintenanceNone')}</p> : null}
      <ul class="letters">{maintenance.value?.map((each) => <li key={each.id}><strong>{each.device ? deviceName(each.device) : placeName(each.place ?? '')}</strong><span>{t('until')} {momentOf(each.until, now.value)} · {each.reason} · {personName(each.by)}</span><button type="button" onClick={() => void call('endMaintenance', { id: each.id }).then(took).then(reload)}>{t('end')}</button></li>)}</ul>
      <form onSubmit={(event) => void submit(event)}>
        <Field label={t('device')}>{(id) => <select id={id} required value={form.device} onChange={(event) => typing(event, (device) => setForm((old) => ({ ...old, device })))}><option value="">{t('choose')}</option>{devices.value?.map((device) => <option key={device.id} value={device.id}>{named(device.name)}</option>)}</select>}</Field>
        <fieldset class="choices"><legend>{t('howLong')}</legend>{lengths.map((each) => <label key={each}><input type="radio" name="hours" checked={form.hours === each} onChange={() => setForm((old) => ({ ...old, hours: each }))} /><span>{say('hours', each)}</span></label>)}</fieldset>
        <Field label={t('reason')}>{(id) => <input id={id} type="text" required maxLength={200} value={form.reason} onInput={(event) => typing(event, (reason) => setForm((old) => ({ ...old, reason })))} />}</Field>
        <button type="submit">{t('maintenanceBegin')}</button>
      </form>
    </section>
  )
}

const actionOf = (action: string): JSX.Element | string => (`audit_${action}` in words ? tState('audit', action) : <code>{action}</code>)
function Audit(): JSX.Element {
  const log = audit.value
  return (
    <section class="card" aria-labelledby="audit">
      <h2 id="audit">{t('audit')}</h2>
      {log ? <p>{t(log.intact ? 'auditOk' : 'auditBroken')}</p> : null}
      <div class="scroll" tabIndex={0} role="region" aria-label={t('audit')}><table>
        <thead><tr><th scope="col">{t('time')}</th><th scope="col">{t('who')}</th><th scope="col">{t('action')}</th><th scope="col">{t('outcome')}</th></tr></thead>
        <tbody>{log?.entries.map((entry) => <tr key={entry.seq}><td><time>{momentOf(entry.at, now.value)}</time></td><td>{personName(entry.by)}</td><td>{actionOf(entry.action)}{entry.target ? <code> {entry.target}</code> : null}</td><td>{entry.outcome === 'done' ? t('auditDone') : <code>{entry.outcome}</code>}</td></tr>)}</tbody>
      </table></div>
    </section>
  )
}
