import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { call, type Result } from '../api.ts'
import type { SessionAnswer } from '../../api/index.ts'
import { t } from '../language.ts'
import { Field } from '../parts/dialog.tsx'
import { Failed } from '../parts/problem.tsx'
import { session, setSession } from '../state.ts'

/** Before anybody is signed in: an account, or the first one by claim code. */
export function SignIn(): JSX.Element {
  const claiming = session.value?.state === 'claim'
  const [form, setForm] = useState({ code: '', id: '', password: '' })
  const [failed, setFailed] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const field = (name: keyof typeof form) => ({ value: form[name], onInput: (event: { readonly currentTarget: HTMLInputElement }) => setForm({ ...form, [name]: event.currentTarget.value }) })
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    const { code, id, password } = form
    const answer: Result<SessionAnswer> = claiming ? await call('claim', { body: { code: code.trim(), id: id.trim(), password }, timeoutMs: 30_000 }) : await call('login', { body: { id: id.trim(), password }, timeoutMs: 30_000 })
    setBusy(false)
    setFailed(answer.ok ? null : answer.problem.code)
    if (answer.ok) setSession(answer.value)
  }
  return (
    <form class="card sign-in" onSubmit={(event) => void submit(event)}>
      <h1>{t(claiming ? 'claim' : 'login')}</h1>
      <p>{t(claiming ? 'claimWhy' : 'loginWhy')}</p>
      {claiming ? <Field label={t('claimCode')}>{(id) => <input id={id} type="text" required autocomplete="one-time-code" {...field('code')} />}</Field> : null}
      <Field label={t('user')}>{(id) => <input id={id} type="text" required autocomplete="username" pattern="[a-z0-9\-]{1,48}" {...field('id')} />}</Field>
      <Field label={t('password')} {...(claiming ? { hint: t('passwordRule') } : {})}>{(id, hint) => <input id={id} type="password" required aria-describedby={hint} minLength={claiming ? 10 : undefined} autocomplete={claiming ? 'new-password' : 'current-password'} {...field('password')} />}</Field>
      <Failed code={failed} />
      <button type="submit" class="primary wide" disabled={busy}>{t(claiming ? 'claimDo' : 'login')}</button>
    </form>
  )
}
