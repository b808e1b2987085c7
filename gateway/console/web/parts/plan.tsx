import type { JSX } from 'preact'
import type { PlanAnswer } from '../../api/index.ts'
import type { Label } from '../../../contract/index.ts'
import { named, t, tState } from '../language.ts'
import { StateShape } from '../shapes.tsx'

type PlanView = NonNullable<PlanAnswer['plan']>
const marks = { refused: 'bad', loss: 'bad', care: 'uncertain' } as const

/** What another site file would change, in plain words. */
export function Plan({ plan }: { readonly plan: PlanView }): JSX.Element {
  const { kept, restarted, opened, closed } = plan.connections
  return (
    <div class="plan" role="status">
      {plan.same ? <p><strong>{t('confSame')}</strong></p> : <><h3>{t('confChanges')}</h3><ul>{plan.lines.map((line) => <Line key={`${line.area} ${line.id} ${line.what}`} line={line} />)}</ul></>}
      <h3>{t('confConnections')}</h3>
      <ul>{([['confKept', kept], ['confRestarted', restarted], ['confOpened', opened], ['confClosed', closed]] as const).map(([word, ids]) => (ids.length > 0 ? <li key={word}><code>{ids.join(' · ')}</code> – <strong>{t(word)}</strong></li> : null))}</ul>
      <Words title={t('confCity')} words={plan.city} />
      <Words title={t('confStaff')} words={plan.staff} />
      {plan.risks.length > 0 ? <><h3>{t('confRisks')}</h3><ul class="findings">{plan.risks.map((each) => <li key={each.text.en} class="device-state"><StateShape state={marks[each.kind]} />{named(each.text)}</li>)}</ul></> : null}
      {plan.warnings.length > 0 ? <ul>{plan.warnings.map((each) => <li key={each}><code lang="en">{each}</code></li>)}</ul> : null}
    </div>
  )
}

function Line({ line: { area, id, name, what, fields } }: { readonly line: PlanView['lines'][number] }): JSX.Element {
  const told = (value: string | null): string => value ?? t('confNotSet')
  return (
    <li>
      <strong>{tState('confWhat', what)}</strong> <code>{area}{id ? ` ${id}` : ''}</code> {name ? named(name) : ''}
      {what === 'changed' ? <ul>{fields.map((field) => <li key={field.path}><code>{field.path}</code>: {told(field.before)} → <strong>{told(field.after)}</strong></li>)}</ul> : null}
    </li>
  )
}

function Words({ title, words }: { readonly title: string; readonly words: readonly Label[] }): JSX.Element | null {
  return words.length === 0 ? null : <><h3>{title}</h3><ul>{words.map((each) => <li key={each.en}>{named(each)}</li>)}</ul></>
}
