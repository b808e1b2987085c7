import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { CheckAnswer, CommissioningAnswer, CommissioningNow, Order } from '../../api/index.ts'
import { call, type Result } from '../api.ts'
import { clock } from '../clock.ts'
import { named, say, t, tState } from '../language.ts'
import { CommissioningReports } from '../parts/commissioning-reports.tsx'
import { Field } from '../parts/dialog.tsx'
import { Loading } from '../parts/loading.tsx'
import { Failed } from '../parts/problem.tsx'
import { pointIn, Verdict } from '../parts/verdict.tsx'
import { hrefOf } from '../route.ts'
import { StateShape } from '../shapes.tsx'
import { may, session } from '../state.ts'

const everyMs = 500
/** The city's last receipts are waited for. */
const finishMs = 20_000
const shapes = { passed: 'good', failed: 'bad', skipped: 'uncertain' } as const

/** Every point, tried by a hand at the device. The same code as `linli commission`. */
export function Commissioning(): JSX.Element {
  const [view, setView] = useState<CommissioningAnswer | null>(null)
  const [now, setNow] = useState<CommissioningNow | null>(null)
  const [failed, setFailed] = useState<string | null>(null)
  const [finishing, setFinishing] = useState(false)
  const load = async (): Promise<void> => { const got = await call('commissioning'); if (got.ok) { setView(got.value); setNow(got.value.now) } else setFailed(got.problem.code) }
  const look = async (): Promise<void> => { const got = await call('commissioningNow'); if (got.ok) setNow(got.value) }
  useEffect(() => { if (may('installer')) void load() }, [])
  useEffect(() => (now?.running ? clock.every(everyMs, () => void look()) : undefined), [now?.running])
  useEffect(() => { if (view && now && now.version !== view.now.version) void load() }, [now?.version])
  if (!may('installer')) return <><h1>{t('commissioning')}</h1><p class="empty">{t('notAllowed')}</p></>
  const took = async (asked: Promise<Result<unknown>>): Promise<void> => { const got = await asked; setFailed(got.ok ? null : got.problem.code); await load() }
  const act = (body: Order<'actCommissioning'>): void => { void took(call('actCommissioning', { body })) }
  const finish = async (): Promise<void> => { setFinishing(true); await took(call('finishCommissioning', { timeoutMs: finishMs })); setFinishing(false) }
  return (
    <>
      <a class="back" href={hrefOf('installer')}>‹ {t('installer')}</a>
      <h1>{t('commissioning')}</h1>
      <Failed code={failed} />
      {!view || !now ? (failed ? null : <Loading />) : !now.running ? <Begin view={view} begin={(body) => void took(call('beginCommissioning', { body }))} /> : (
        <>
          {view.session?.unsaved ? <p class="banner">{t('commissioningUnsaved')}</p> : null}
          <Present now={now} act={act} key={now.current?.point ?? ''} />
          <Last view={view} last={now.last} at={now.current?.point ?? null} act={act} />
          <section class="card commission-end">
            <p>{say('commissioningLeft', now.counts.total, now.counts.total - now.counts.left, now.counts.left)}<br />{say('commissioningCounts', now.counts.passed, now.counts.failed, now.counts.skipped)}</p>
            <button type="button" class={now.current ? '' : 'acknowledge'} disabled={finishing} onClick={() => void finish()}>{t(finishing ? 'commissioningFinishing' : 'commissioningFinish')}</button>
            <details><summary>{t('commissioningDiscard')}</summary><p>{t('commissioningDiscardWhy')}</p><button type="button" onClick={() => void took(call('discardCommissioning'))}>{t('commissioningDiscardYes')}</button></details>
          </section>
          <Checklist view={view} at={now.current?.point ?? null} act={act} />
        </>
      )}
      {view ? <CommissioningReports reports={view.reports} checks={view.checks} failed={setFailed} /> : null}
    </>
  )
}

function Begin({ view, begin }: { readonly view: CommissioningAnswer; readonly begin: (order: Order<'beginCommissioning'>) => void }): JSX.Element {
  const [by, setBy] = useState(session.value?.person ? named(session.value.person.name) : session.value?.user?.id ?? '')
  const [resume, setResume] = useState(false)
  if (view.checks.length === 0) return <p class="empty">{t('commissioningEmpty')}</p>
  return (
    <form class="card" onSubmit={(event) => { event.preventDefault(); begin({ by: by.trim(), resume }) }}>
      <p>{t('commissioningWhy')}</p>
      <Field label={t('commissioningBy')}>{(id) => <input id={id} type="text" required maxLength={80} value={by} onInput={(event) => setBy(event.currentTarget.value)} />}</Field>
      {view.reports.length > 0 ? <label class="accept"><input type="checkbox" checked={resume} onChange={(event) => setResume(event.currentTarget.checked)} /> {t('commissioningResume')}</label> : null}
      <button type="submit" class="acknowledge" disabled={by.trim() === ''}>{say('commissioningBegin', view.checks.length)}</button>
    </form>
  )
}

/** One large sentence and one large button: it is read at arm's length, on a telephone, at a door. */
function Present({ now, act }: { readonly now: CommissioningNow; readonly act: (order: Order<'actCommissioning'>) => void }): JSX.Element {
  const { counts: { total, left }, current } = now
  const [skipping, setSkipping] = useState(false)
  const [reason, setReason] = useState('')
  const progress = <><progress max={total} value={total - left} aria-label={t('commissioning')} /><p class="quiet-line">{say('commissioningDone', total - left, total)}</p></>
  if (!current) return <section class="card trial commission">{progress}<p class="big-state"><StateShape state="good" />{t('commissioningAllTried')}</p></section>
  const { point, ask, calledAt, early } = current
  return (
    <section class="card trial commission" aria-labelledby="ask">
      {progress}
      <h2 id="ask" aria-live="polite">{named(ask)}</h2>
      <p><code>{point}</code></p>
      <div role="status">{calledAt === null ? (early ? <p class="warn">{t('commissioningEarly')}</p> : null) : <p class="commission-looking">{t('commissioningLooking')}</p>}</div>
      <button type="button" class={calledAt === null ? 'acknowledge' : 'acknowledge waits'} onClick={() => act({ act: 'call', point })}>{t(calledAt === null ? 'commissioningCall' : 'commissioningAgain')}</button>
      <div class="commission-else">
        {skipping ? (
          <form onSubmit={(event) => { event.preventDefault(); act({ act: 'skip', point, reason }) }}>
            <Field label={t('commissioningSkipWhy')}>{(id) => <input id={id} type="text" maxLength={200} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />}</Field>
            <button type="submit">{t('commissioningSkip')}</button>
          </form>
        ) : <button type="button" onClick={() => setSkipping(true)}>{t('commissioningSkip')}</button>}
        <button type="button" onClick={() => act({ act: 'works-not', point })}>{t('commissioningWorksNot')}</button>
      </div>
    </section>
  )
}

interface LastProps { readonly view: CommissioningAnswer; readonly last: CheckAnswer | null; readonly at: string | null; readonly act: (order: Order<'actCommissioning'>) => void }
function Last({ view, last, at, act }: LastProps): JSX.Element {
  return (
    <div role="status">{last ? (
      <section class={`card commission-last commission-${last.outcome}`} aria-label={t('commissioningLast')}>
        <p class="quiet-line">{t('commissioningLast')}: {pointIn(view.checks, last.point)}</p>
        <Verdict result={last} checks={view.checks} />
        {last.outcome === 'passed' || last.point === at ? null : <button type="button" onClick={() => act({ act: 'choose', point: last.point })}>{t('commissioningRetry')}</button>}
      </section>
    ) : null}</div>
  )
}

function Checklist({ view, at, act }: { readonly view: CommissioningAnswer; readonly at: string | null; readonly act: (order: Order<'actCommissioning'>) => void }): JSX.Element {
  return (
    <section class="commission-checks" aria-labelledby="checklist">
      <h2 id="checklist">{t('commissioningList')}</h2>
      <div class="cards two">{[...Map.groupBy(view.checks, ({ deviceId }) => deviceId)].map(([id, checks]) => (
        <section class="card" key={id}>
          <h3>{named(checks[0]!.device)}</h3>
          <ul class="commission-list">{checks.map(({ point, name, result }) => (
            <li key={point}>
              <button type="button" class="plain" aria-current={point === at ? 'step' : undefined} onClick={() => act({ act: 'choose', point })}>{named(name)}</button>
              <span class="tile-state">{result ? <StateShape state={shapes[result.outcome]} /> : null}{tState('check', result?.outcome ?? 'none')}</span>
            </li>
          ))}</ul>
        </section>
      ))}</div>
    </section>
  )
}
