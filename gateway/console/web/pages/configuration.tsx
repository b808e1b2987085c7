import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ConfigurationsAnswer, Order, PlanAnswer, RouteName } from '../../api/index.ts'
import { call } from '../api.ts'
import { clock } from '../clock.ts'
import { momentOf } from '../format.ts'
import { named, say, t, tState } from '../language.ts'
import { Field } from '../parts/dialog.tsx'
import { Plan } from '../parts/plan.tsx'
import { Failed } from '../parts/problem.tsx'
import { hrefOf } from '../route.ts'
import { StateShape } from '../shapes.tsx'
import { may, now, personName } from '../state.ts'

const view = signal<ConfigurationsAnswer | null>(null)
const failed = signal<string | null>(null)
/** The gateway turns: nobody answers for a moment, and that is no fault. */
const turning = signal(false)

async function load(): Promise<void> {
  const got = await call('configurations')
  if (got.ok) { view.value = got.value; turning.value &&= isFresh(got.value.trial) } else if (got.status === 0) turning.value = view.value?.trial !== null; else failed.value = got.problem.code
}

/** So long it takes at least until the other gateway stands. */
const turnMs = 1_000
const isFresh = (trial: ConfigurationsAnswer['trial']): boolean => trial !== null && trial.windowMs - trial.leftMs < turnMs
const tries = 10

/** Whoever clicks while the gateway turns is heard afterwards: each order names what it is about, so that twice is once. */
async function patiently<K extends RouteName>(name: K, body: Order<K>): Promise<Awaited<ReturnType<typeof call<K>>>> {
  const asking = { body, timeoutMs: 30_000 }
  let got = await call(name, asking)
  for (let n = 1; n < tries && !got.ok && got.status === 0; n++) {
    turning.value = true
    await new Promise<void>((resolve) => { clock.after(turnMs / 2, resolve) })
    got = await call(name, asking)
  }
  failed.value = got.ok ? null : got.problem.code
  return got
}

/** True when it was done. */
async function order<K extends RouteName & ('applyChange' | 'confirmChange' | 'rollBackChange')>(name: K, body: Order<K>): Promise<boolean> {
  const got = await patiently(name, body)
  turning.value = got.ok && name !== 'confirmChange'
  if (got.ok) view.value = got.value as ConfigurationsAnswer
  return got.ok
}

/** The site file: what is in force, another one on trial, those that were. What `linli plan`, `apply`, `confirm` and `rollback` do. */
export function Configuration(): JSX.Element {
  useEffect(() => { failed.value = null; void load(); return clock.every(1_000, () => void load()) }, [])
  if (!may('installer')) return <><h1>{t('configuration')}</h1><p class="empty">{t('notAllowed')}</p></>
  const known = view.value
  const present = known?.configurations.find(({ number }) => number === known.inForce)
  return (
    <>
      <a class="back" href={hrefOf('installer')}>‹ {t('installer')}</a>
      <h1>{t('configuration')}</h1>
      <p>{t('configurationWhy')}</p>
      <Failed code={failed.value} />
      {known ? <p><strong>{t('confInForce')} {known.inForce}</strong> <code>{known.file}</code>{present?.reason && present.origin !== 'file' ? ` · ${present.reason}` : ''}</p> : null}
      {known?.edited && !known.trial ? <p class="banner">{t('confEdited')}</p> : null}
      <div role="status">{turning.value ? <p class="banner">{t('confTurning')}</p> : null}</div>
      {known?.trial ? <Trial trial={known.trial} /> : known ? <NewFile inForce={known.inForce} /> : null}
      {known ? <Past known={known} /> : null}
    </>
  )
}

/** The seconds that are left, large; the two answers. */
function Trial({ trial }: { readonly trial: NonNullable<ConfigurationsAnswer['trial']> }): JSX.Element {
  const well = trial.findings.length === 0
  const share = trial.leftMs / trial.windowMs
  return (
    <section class="card trial" aria-labelledby="trial">
      <h2 id="trial">{t('confTry')}: {trial.number}</h2>
      <p class="big-state" role="timer">{say('confLeft', Math.ceil(trial.leftMs / 1_000), trial.confirm === 'person' ? trial.previous : null)}</p>
      <progress max={1} value={share} />
      {turning.value ? null : well ? <p class="device-state"><StateShape state="good" />{t('confWell')}</p> : <><p class="device-state"><StateShape state="bad" />{t('confNotWell')}</p><ul>{trial.findings.map((each) => <li key={each.text.en}>{named(each.text)} <code>{each.code}</code></li>)}</ul></>}
      {trial.confirm === 'health' ? <p>{t('confSelf')}</p> : null}
      <div class="trial-answers">
        <button type="button" class="acknowledge" onClick={() => void order('confirmChange', { anyway: !well })}>{t(well ? 'confKeep' : 'confKeepAnyway')}</button>
        <button type="button" class="take-back" onClick={() => void order('rollBackChange', { number: trial.previous })}>{t('confTakeBack')}</button>
      </div>
    </section>
  )
}

const minuteMs = 60_000
const lengths = [1, 5, 15, 60] as const
function NewFile({ inForce }: { readonly inForce: number }): JSX.Element {
  const [form, setForm] = useState({ text: '', reason: '', minutes: 5, acceptLoss: false })
  const [found, setFound] = useState<PlanAnswer | null>(null)
  const write = (text: string): void => { setForm({ ...form, text, acceptLoss: false }); setFound(null) }
  const look = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const got = await patiently('planChange', { text: form.text })
    setFound(got.ok ? got.value : null)
  }
  const plan = found?.plan
  const loses = plan?.risks.some(({ kind }) => kind === 'loss') ?? false
  const refused = plan?.risks.some(({ kind }) => kind === 'refused') ?? false
  return (
    <section class="card" aria-labelledby="new-file">
      <h2 id="new-file">{t('confNew')}</h2>
      <form onSubmit={(event) => void look(event)}>
        {/* The browser's own button speaks the browser's language. */}
        <div class="field photo-field"><input id="site-file" class="visually-hidden" type="file" accept=".yaml,.yml,text/plain" onChange={(event) => void event.currentTarget.files?.[0]?.text().then(write)} /><label class="photo-button" for="site-file">{t('confFile')}</label></div>
        <Field label={t('confText')}>{(id) => <textarea id={id} class="site-text" rows={10} spellcheck={false} value={form.text} onInput={(event) => write(event.currentTarget.value)} />}</Field>
        <div class="site-buttons"><button type="button" onClick={() => void call('configuration', { query: { number: inForce } }).then((got) => { if (got.ok) write(got.value.text) })}>{t('confFromPresent')}</button><button type="submit" class="primary" disabled={form.text.trim() === ''}>{t('confPlan')}</button></div>
      </form>
      {found && found.problems.length > 0 ? <div role="alert"><p><strong>{t('confProblems')}</strong></p><ul>{found.problems.map((each) => <li key={`${each.line} ${each.message}`}>{t('confLine')} {each.line}: <code lang="en">{each.path ? `${each.path}: ` : ''}{each.message}</code></li>)}</ul></div> : null}
      {plan ? <Plan plan={plan} /> : null}
      {plan && !refused ? (
        <form onSubmit={(event) => { event.preventDefault(); void order('applyChange', { text: form.text, reason: form.reason, windowMs: form.minutes * minuteMs, acceptLoss: form.acceptLoss }) }}>
          <Field label={t('reason')}>{(id) => <input id={id} type="text" required maxLength={200} value={form.reason} onInput={(event) => setForm({ ...form, reason: event.currentTarget.value })} />}</Field>
          <fieldset class="choices"><legend>{t('confMinutes')}</legend>{lengths.map((each) => <label key={each}><input type="radio" name="minutes" checked={form.minutes === each} onChange={() => setForm({ ...form, minutes: each })} /><span>{say('minutes', each)}</span></label>)}</fieldset>
          {loses ? <label class="accept"><input type="checkbox" required checked={form.acceptLoss} onChange={(event) => setForm({ ...form, acceptLoss: event.currentTarget.checked })} /> {t('confAcceptLoss')}</label> : null}
          <button type="submit" class="acknowledge">{t('confApply')}</button>
        </form>
      ) : null}
    </section>
  )
}

function Past({ known }: { readonly known: ConfigurationsAnswer }): JSX.Element {
  const [shown, setShown] = useState<{ readonly number: number; readonly text: string } | null>(null)
  const show = async (number: number): Promise<void> => { const got = await call('configuration', { query: { number } }); failed.value = got.ok ? null : got.problem.code; setShown(got.ok ? got.value : null) }
  return (
    <section class="card" aria-labelledby="past">
      <h2 id="past">{t('confHistory')}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('confHistory')}><table>
        <thead><tr><th scope="col">{t('confNumber')}</th><th scope="col">{t('time')}</th><th scope="col">{t('who')}</th><th scope="col">{t('reason')}</th><th scope="col">{t('confEnded')}</th><th scope="col" /></tr></thead>
        <tbody>{known.configurations.map((each) => (
          <tr key={each.number}>
            <td>{each.number}{each.number === known.inForce ? ` · ${t('confInForce')}` : ''}</td><td><time>{momentOf(each.at, now.value)}</time></td><td>{each.origin === 'file' ? '–' : each.origin === 'city' ? `${t('confByCity')} · ${each.by}` : personName(each.by)}</td><td>{each.origin === 'file' ? '' : each.reason}</td>
            <td>{tState('confOutcome', each.outcome)}{each.note ? <details><summary>{t('detail')}</summary><code lang="en">{each.note}</code></details> : null}</td>
            <td><button type="button" onClick={() => void show(each.number)}>{t('confShow')} {each.number}</button>{each.number !== known.inForce && !known.trial ? <button type="button" onClick={() => void order('rollBackChange', { number: each.number })}>{t('confUse')}: {each.number}</button> : null}</td>
          </tr>
        ))}</tbody>
      </table></div>
      {shown ? <pre class="site-text" tabIndex={0} aria-label={`${t('confShow')} ${shown.number}`}>{shown.text}</pre> : null}
    </section>
  )
}
