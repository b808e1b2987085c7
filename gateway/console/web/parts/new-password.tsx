import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { strengthOf } from '../../password-strength.ts'
import { t } from '../language.ts'
import { Field } from './dialog.tsx'

interface NewPasswordProps { readonly user: string; readonly label?: 'password' | 'passwordNew'; readonly value: string; readonly again: string; readonly onInput: (to: { readonly password?: string; readonly again?: string }) => void }

/** Twice, with a word on how easily it is guessed. The one who types may look at it. */
export function NewPassword({ user, label = 'password', value, again, onInput }: NewPasswordProps): JSX.Element {
  const [shown, setShown] = useState(false)
  const strength = value === '' ? null : strengthOf(value, user)
  const kind = { type: shown ? 'text' : 'password' } as { type: 'password' }
  return (
    <>
      <Field label={t(label)} hint={t('passwordRule')}>{(id, hint) => <input id={id} {...kind} aria-describedby={hint} autocomplete="new-password" required value={value} onInput={(event) => onInput({ password: event.currentTarget.value })} />}</Field>
      <p role="status" class={`strength strength-${strength ?? 'none'}`}>{strength ? t(`strength_${strength}`) : null}</p>
      <Field label={t('again')}>{(id) => <input id={id} {...kind} autocomplete="new-password" required value={again} onInput={(event) => onInput({ again: event.currentTarget.value })} />}</Field>
      {again !== '' && again !== value ? <p role="status" class="strength strength-weak">{t('notAlike')}</p> : null}
      <label class="tick"><input type="checkbox" checked={shown} onChange={() => setShown(!shown)} /> {t('showTyped')}</label>
    </>
  )
}
/** What is typed may be sent. */
export const isReady = ({ password, again }: { readonly password: string; readonly again: string }, user: string): boolean => password === again && !['short', 'weak'].includes(strengthOf(password, user))
