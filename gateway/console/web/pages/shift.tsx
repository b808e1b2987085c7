import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { call } from '../api.ts'
import { momentOf } from '../format.ts'
import { named, say, t } from '../language.ts'
import { Field, typing } from '../parts/dialog.tsx'
import { isReady, NewPassword } from '../parts/new-password.tsx'
import { Loading } from '../parts/loading.tsx'
import { Failed } from '../parts/problem.tsx'
import { useStill } from '../parts/still.ts'
import { load, may, now, people, personName, session, shift } from '../state.ts'

export function Shift(): JSX.Element {
  const current = shift.value
  return (
    <>
      <h1>{t('shift')}</h1>
      {current === null ? <Loading /> : (
        <>
          {current.handover ? <section class="card handover"><h2>{t('handoverFrom')}</h2><blockquote>{current.handover.note}</blockquote><p class="quiet-line">{personName(current.handover.by)} · {momentOf(current.handover.at, now.value)}</p></section> : null}
          {current.person ? <section class="card"><p class="big-state">{t('shiftNow')} {named(current.person.name)}</p><p class="quiet-line">{say('since', momentOf(current.person.since, now.value))}</p>{may('staff') ? <End /> : null}</section> : may('staff') ? <Begin /> : <p>{t('shiftNobody')}</p>}
        </>
      )}
      <Account />
    </>
  )
}

function Begin(): JSX.Element {
  const [person, setPerson] = useState('')
  const [pin, setPin] = useState('')
  const [failed, setFailed] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const sending = useRef(false)
  const roster = people.value.filter(({ kind }) => kind === 'roster')
  const without = roster.find(({ id, pin }) => id === person && !pin)
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    // Of a double click the second half would be a shift of its own.
    if (sending.current) return
    sending.current = true
    setBusy(true)
    const answer = await call('beginShift', { body: { person, pin }, timeoutMs: 30_000 })
    sending.current = false
    setBusy(false)
    setPin('')
    setFailed(answer.ok ? null : answer.problem.code)
    if (answer.ok) { shift.value = answer.value; await load.session() }
  }
  if (roster.length === 0) return <p class="card">{t('noRoster')}</p>
  return (
    <form class="card" onSubmit={(event) => void submit(event)}>
      <h2>{t('shiftPick')}</h2><p>{t('shiftPickWhy')}</p>
      <fieldset class="choices names"><legend>{t('name')}</legend>{roster.map((each) => <label key={each.id}><input type="radio" name="person" required checked={person === each.id} onChange={() => setPerson(each.id)} /><span>{named(each.name)}</span></label>)}</fieldset>
      <Field label={t('pin')}>{(id) => <input id={id} type="password" inputMode="numeric" pattern="[0-9]{4,8}" required autocomplete="off" value={pin} onInput={(event) => setPin(event.currentTarget.value)} />}</Field>
      <Failed code={failed} />
      {without ? <p class="warn" role="status">{say('noPin', named(without.name))}</p> : null}
      <button type="submit" class="primary wide" disabled={busy}>{t('shiftStart')}</button>
    </form>
  )
}

/** It stands where the button that takes over stood. */
const settleMs = 1_500
function End(): JSX.Element {
  const still = useStill('end', settleMs)
  const [note, setNote] = useState('')
  const [failed, setFailed] = useState<string | null>(null)
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const answer = await call('endShift', { body: { note: note.trim() } })
    setFailed(answer.ok ? null : answer.problem.code)
    if (answer.ok) { shift.value = answer.value; await load.session() }
  }
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Field label={t('handover')} hint={t('handoverWhy')}>{(id, hint) => <textarea id={id} aria-describedby={hint} rows={4} maxLength={2_000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />}</Field>
      <Failed code={failed} />
      <button type="submit" class="primary wide" disabled={!still}>{t('shiftEnd')}</button>
    </form>
  )
}

function Account(): JSX.Element {
  const user = session.value?.user
  const [form, setForm] = useState({ old: '', password: '', again: '' })
  const [failed, setFailed] = useState<string | null>(null)
  const [done, setDone] = useState(false)
  const logout = async (): Promise<void> => { await call('logout'); await load.session() }
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const answer = await call('password', { body: { old: form.old, password: form.password }, timeoutMs: 30_000 })
    setFailed(answer.ok ? null : answer.problem.code)
    setDone(answer.ok)
    setForm({ old: '', password: '', again: '' })
  }
  return (
    <section class="card">
      <p>{t('user')} <code>{user?.id}</code>{user ? ` · ${t(`role_${user.role}`)}` : ''}</p>
      <details>
        <summary>{t('changePassword')}</summary>
        <form onSubmit={(event) => void submit(event)}>
          <Field label={t('password')}>{(id) => <input id={id} type="password" autocomplete="current-password" required value={form.old} onInput={(event) => typing(event, (typed) => setForm((old) => ({ ...old, old: typed })))} />}</Field>
          <NewPassword label="passwordNew" user={user?.id ?? ''} value={form.password} again={form.again} onInput={(to) => setForm((old) => ({ ...old, ...to }))} />
          <Failed code={failed} /><div role="status">{done ? t('done') : null}</div>
          <button type="submit" disabled={!isReady(form, user?.id ?? '')}>{t('save')}</button>
        </form>
      </details>
      <button type="button" class="wide" onClick={() => void logout()}>{t('logout')}</button>
    </section>
  )
}
