import type { JSX } from 'preact'
import type { PointView } from '../../api/index.ts'
import { explain } from '../codes.ts'
import { named, t } from '../language.ts'

interface WhyProps { readonly code: string; readonly heading?: boolean; readonly type?: PointView['type'] }
/** A cause and what to do, in plain words; the code for whoever is called. */
export function Why({ code, heading = true, type }: WhyProps): JSX.Element {
  const known = explain(code, type)
  return (
    <div class="why">
      {heading ? <strong>{t('whyBad')}</strong> : null}
      <p>{known ? named(known.why) : t('unknownCode')} <code>{code}</code></p>
      {known ? <p><strong>{t('nextStep')}</strong> {named(known.next)}</p> : null}
    </div>
  )
}

export function Failed({ code }: { readonly code: string | null }): JSX.Element {
  return <div role="alert" class="failed-slot">{code === null ? null : <div class="failed"><strong>{t('failed')}</strong><Why code={code} heading={false} /></div>}</div>
}
