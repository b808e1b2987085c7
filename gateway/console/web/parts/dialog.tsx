import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { t } from '../language.ts'

interface DialogProps { readonly title: string; readonly onClose: () => void; readonly children: ComponentChildren }
/** The browser's own modal dialog: it holds the focus, and Escape closes it. */
export function Dialog({ title, onClose, children }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null)
  const label = useId()
  useEffect(() => { element.current?.showModal() }, [])
  return (
    <dialog ref={element} aria-labelledby={label} onClose={onClose}>
      <header class="dialog-head"><h2 id={label}>{title}</h2><button type="button" class="plain" onClick={() => element.current?.close()}>{t('close')}</button></header>
      {children}
    </dialog>
  )
}

interface FieldProps { readonly label: string; readonly hint?: string; readonly children: (id: string, hint: string | undefined) => JSX.Element }
export function Field({ label, hint, children }: FieldProps): JSX.Element {
  const id = useId()
  const hintId = hint ? `${id}-hint` : undefined
  return <div class="field"><label for={id}>{label}</label>{children(id, hintId)}{hint ? <small id={hintId}>{hint}</small> : null}</div>
}

/** What was typed, read while its event still has it: the form is put together later, from what it is then. A password manager fills all fields in one go. */
export const typing = (event: { readonly currentTarget: { readonly value: string } }, put: (typed: string) => void): void => put(event.currentTarget.value)
