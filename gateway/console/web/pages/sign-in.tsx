import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { call, type Result } from '../api.ts'
import type { SessionAnswer } from '../../api/index.ts'
import { language, t } from '../language.ts'
import { Field, typing } from '../parts/dialog.tsx'
import { isReady, NewPassword } from '../parts/new-password.tsx'
import { Failed } from '../parts/problem.tsx'
import { session, setSession } from '../state.ts'

/** Out of the QR code that `linli claim` shows. */
export const claimCode = signal<string | null>(null)

/** As it is printed, however it was typed: XXXX-XXXX-XXXX. */
const grouped = (text: string): string => text.toUpperCase().replaceAll(/[^0-9A-Z]/g, '').slice(0, 12).match(/.{1,4}/g)?.join('-') ?? ''

/** Before anybody is signed in: an account, or with a claim code the first one, or a new password for who has forgotten it. */
export function SignIn(): JSX.Element {
  const first = session.value?.state === 'claim'
  const [claiming, setClaiming] = useState(first || claimCode.value !== null)
  return (
    <>
      {claiming ? <Claim first={first} /> : <Login />}
      <div class="sign-in">
        {first ? null : <button type="button" class="plain" onClick={() => setClaiming(!claiming)}>{t(claiming ? 'loginInstead' : 'claimInstead')}</button>}
        {session.value?.siteCa ? <p><a href={`/install?lang=${language.value}`}>{t('siteCaHow')}</a></p> : null}
      </div>
    </>
  )
}

function useSending(): readonly [failed: string | null, busy: boolean, send: (asked: Promise<Result<SessionAnswer>>) => Promise<void>] {
  const [failed, setFailed] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const send = async (asked: Promise<Result<SessionAnswer>>): Promise<void> => {
    setBusy(true)
    const answer = await asked
    setBusy(false)
    setFailed(answer.ok ? null : answer.problem.code)
    if (answer.ok) setSession(answer.value)
  }
  return [failed, busy, send]
}

const accountField = (value: string, onInput: (text: string) => void, hint?: string): JSX.Element => (
  <Field label={t('user')} {...(hint ? { hint } : {})}>{(id, described) => <input id={id} type="text" required aria-describedby={described} autocomplete="username" autocapitalize="none" pattern="[a-z0-9\-]{1,48}" value={value} onInput={(event) => onInput(event.currentTarget.value)} />}</Field>
)

function Login(): JSX.Element {
  const [form, setForm] = useState({ id: '', password: '' })
  const [failed, busy, send] = useSending()
  return (
    <form class="card sign-in" onSubmit={(event) => { event.preventDefault(); void send(call('login', { body: { id: form.id.trim(), password: form.password }, timeoutMs: 30_000 })) }}>
      <h1>{t('login')}</h1>
      <p>{t('loginWhy')}</p>
      {accountField(form.id, (id) => setForm((old) => ({ ...old, id })))}
      <Field label={t('password')}>{(id) => <input id={id} type="password" required autocomplete="current-password" value={form.password} onInput={(event) => typing(event, (typed) => setForm((old) => ({ ...old, password: typed })))} />}</Field>
      <Failed code={failed} />
      <button type="submit" class="primary wide" disabled={busy}>{t('login')}</button>
    </form>
  )
}

function Claim({ first }: { readonly first: boolean }): JSX.Element {
  const [form, setForm] = useState({ code: grouped(claimCode.value ?? ''), id: '', password: '', again: '' })
  const [failed, busy, send] = useSending()
  const { code, id, password } = form
  return (
    <form class="card sign-in" onSubmit={(event) => { event.preventDefault(); void send(call('claim', { body: { code, id: id.trim(), password }, timeoutMs: 30_000 })) }}>
      <h1>{t(first ? 'claim' : 'claimAgain')}</h1>
      <p>{t(first ? 'claimWhy' : 'claimAgainWhy')}</p>
      <Field label={t('claimCode')} hint={t('claimCodeRule')}>{(field, hint) => <input id={field} class="code" type="text" required aria-describedby={hint} autocomplete="off" autocapitalize="characters" spellcheck={false} value={code} onInput={(event) => typing(event, (typed) => setForm((old) => ({ ...old, code: grouped(typed) })))} />}</Field>
      {accountField(id, (text) => setForm((old) => ({ ...old, id: text })), t('userRule'))}
      <NewPassword user={id.trim()} value={password} again={form.again} onInput={(to) => setForm((old) => ({ ...old, ...to }))} />
      <Failed code={failed} />
      <button type="submit" class="primary wide" disabled={busy || !isReady(form, id.trim())}>{t(first ? 'claimDo' : 'claimAgainDo')}</button>
    </form>
  )
}
