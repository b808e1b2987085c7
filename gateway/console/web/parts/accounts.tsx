import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { PersonAnswer, Role, UserAnswer } from '../../api/index.ts'
import { call, type Result } from '../api.ts'
import { momentOf } from '../format.ts'
import { named, t } from '../language.ts'
import { hrefOf } from '../route.ts'
import { load, now, people, session } from '../state.ts'
import { Dialog, Field, typing } from './dialog.tsx'
import { isReady, NewPassword } from './new-password.tsx'
import { Failed } from './problem.tsx'
import { useStill } from './still.ts'

const users = signal<readonly UserAnswer[] | null>(null)
const roles: readonly Role[] = ['viewer', 'staff', 'installer', 'admin']
const idPattern = '[a-z0-9\\-]{1,48}'

async function reload(): Promise<void> {
  const answer = await call('users')
  if (answer.ok) users.value = answer.value
  await load.people()
}

/** Who may sign in. An admin's matter. */
export function Users(): JSX.Element {
  const [editing, setEditing] = useState<string | null>(null)
  useEffect(() => { void reload() }, [])
  const edited = users.value?.find(({ id }) => id === editing)
  return (
    <section class="card" aria-labelledby="users">
      <h2 id="users">{t('users')}</h2>
      <ul class="letters">{users.value?.map((user) => (
        <li key={user.id}>
          <strong><code>{user.id}</code></strong>
          <span>{t(`role_${user.role}`)}{user.disabled ? ` · ${t('userOff')}` : ''}<small>{user.lastLoginAt === null ? t('neverIn') : `${t('lastIn')} ${momentOf(user.lastLoginAt, now.value)}`}</small></span>
          {user.id === session.value?.user?.id ? <a href={hrefOf('shift')}>{t('changePassword')}</a> : <button type="button" aria-label={`${t('edit')} ${user.id}`} onClick={() => setEditing(user.id)}>{t('edit')}</button>}
        </li>
      ))}</ul>
      {edited ? <Edit user={edited} key={edited.id} onClose={() => setEditing(null)} /> : null}
      <Add />
    </section>
  )
}

function RolePicker({ value, onPick }: { readonly value: Role; readonly onPick: (role: Role) => void }): JSX.Element {
  return <Field label={t('role')} hint={t(`roleMay_${value}`)}>{(id, hint) => <select id={id} aria-describedby={hint} value={value} onChange={(event) => onPick(event.currentTarget.value as Role)}>{roles.map((role) => <option key={role} value={role}>{t(`role_${role}`)}</option>)}</select>}</Field>
}

const empty = { id: '', role: 'staff' as Role, password: '', again: '' }
function Add(): JSX.Element {
  const [form, setForm] = useState(empty)
  const [failed, setFailed] = useState<string | null>(null)
  const [added, setAdded] = useState(false)
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const { id, role, password } = form
    const answer = await call('addUser', { body: { id, role, password }, timeoutMs: 30_000 })
    setFailed(answer.ok ? null : answer.problem.code)
    setAdded(answer.ok)
    if (answer.ok) setForm(empty)
    await reload()
  }
  return (
    <form onSubmit={(event) => void submit(event)}>
      <h3>{t('addUser')}</h3>
      <Field label={t('user')} hint={t('userRule')}>{(id, hint) => <input id={id} type="text" aria-describedby={hint} required pattern={idPattern} autocapitalize="none" autocomplete="off" value={form.id} onInput={(event) => typing(event, (typed) => setForm((old) => ({ ...old, id: typed })))} />}</Field>
      <RolePicker value={form.role} onPick={(role) => setForm((old) => ({ ...old, role }))} />
      <NewPassword user={form.id} value={form.password} again={form.again} onInput={(to) => setForm((old) => ({ ...old, ...to }))} />
      <Failed code={failed} /><div role="status">{added ? t('done') : null}</div>
      <button type="submit" disabled={!isReady(form, form.id)}>{t('add')}</button>
    </form>
  )
}

/** Role, a new password, off and on, away. Each ends what that account has open elsewhere. */
function Edit({ user, onClose }: { readonly user: UserAnswer; readonly onClose: () => void }): JSX.Element {
  const [role, setRole] = useState(user.role)
  const [secret, setSecret] = useState({ password: '', again: '' })
  const [sure, setSure] = useState(false)
  const [failed, setFailed] = useState<string | null>(null)
  const [done, setDone] = useState(false)
  const order = async (asked: Promise<Result<unknown>>): Promise<boolean> => {
    const answer = await asked
    setFailed(answer.ok ? null : answer.problem.code)
    setDone(answer.ok)
    await reload()
    return answer.ok
  }
  const change = (body: { role?: Role; password?: string; disabled?: boolean }): Promise<boolean> => order(call('changeUser', { id: user.id, body, timeoutMs: 30_000 }))
  return (
    <Dialog title={user.id} onClose={onClose}>
      <Failed code={failed} /><p role="status">{done ? t('done') : null}</p>
      <RolePicker value={role} onPick={setRole} />
      <button type="button" disabled={role === user.role} onClick={() => void change({ role })}>{t('changeRole')}</button>
      <details>
        <summary>{t('resetPassword')}</summary>
        <form onSubmit={(event) => { event.preventDefault(); void change({ password: secret.password }).then((ok) => { if (ok) setSecret({ password: '', again: '' }) }) }}>
          <NewPassword label="passwordNew" user={user.id} value={secret.password} again={secret.again} onInput={(to) => setSecret((old) => ({ ...old, ...to }))} />
          <p>{t('resetTell')}</p>
          <button type="submit" disabled={!isReady(secret, user.id)}>{t('save')}</button>
        </form>
      </details>
      <div class="dialog-foot">
        <button type="button" onClick={() => void change({ disabled: !user.disabled })}>{t(user.disabled ? 'userTurnOn' : 'userTurnOff')}</button>
        {sure ? <Remove onSure={() => void order(call('removeUser', { id: user.id })).then((ok) => { if (ok) onClose() })} /> : <button type="button" onClick={() => setSure(true)}>{t('removeUser')}</button>}
      </div>
    </Dialog>
  )
}

/** It stands where the button that asks for it stood: the second half of a double click removes nobody. */
const settleMs = 1_000
function Remove({ onSure }: { readonly onSure: () => void }): JSX.Element {
  const still = useStill('remove', settleMs)
  return <button type="button" class="primary" disabled={!still} onClick={onSure}>{t('removeSure')}</button>
}

/** PINs of the roster, one at a time: a PIN only names who is at the desk. */
export function Pins(): JSX.Element {
  const [form, setForm] = useState({ person: '', pin: '' })
  const [failed, setFailed] = useState<string | null>(null)
  const [done, setDone] = useState(false)
  useEffect(() => { void load.people() }, [])
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const answer = await call('pin', { body: form, timeoutMs: 30_000 })
    setFailed(answer.ok ? null : answer.problem.code)
    setDone(answer.ok)
    setForm((old) => ({ ...old, pin: '' }))
    await load.people()
  }
  const roster = people.value.filter(({ kind }) => kind === 'roster')
  if (roster.length === 0) return <p class="card">{t('noRoster')}</p>
  const missing = (person: PersonAnswer): string => (person.pin ? '' : ` · ${t('notYet')}`)
  return (
    <form class="card" onSubmit={(event) => void submit(event)}>
      <h2>{t('pins')}</h2><p>{t('pinWhy')}</p>
      <Field label={t('name')}>{(id) => <select id={id} required value={form.person} onChange={(event) => { setDone(false); typing(event, (typed) => setForm((old) => ({ ...old, person: typed }))) }}><option value="">{t('choose')}</option>{roster.map((person) => <option key={person.id} value={person.id}>{named(person.name)}{missing(person)}</option>)}</select>}</Field>
      <Field label={t('pin')} hint={t('pinRule')}>{(id, hint) => <input id={id} type="password" inputMode="numeric" pattern="[0-9]{4,8}" aria-describedby={hint} required autocomplete="off" value={form.pin} onInput={(event) => typing(event, (typed) => setForm((old) => ({ ...old, pin: typed })))} />}</Field>
      <Failed code={failed} />
      <button type="submit">{t('save')}</button><span role="status">{done ? ` ${t('done')}` : null}</span>
    </form>
  )
}
