import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { CommissioningAnswer, CommissioningReport } from '../../api/index.ts'
import { call } from '../api.ts'
import { momentOf } from '../format.ts'
import { say, t, tState } from '../language.ts'
import { now } from '../state.ts'
import { pointIn } from './verdict.tsx'

interface Props { readonly reports: CommissioningAnswer['reports']; readonly checks: CommissioningAnswer['checks']; readonly failed: (code: string | null) => void }

/** Signed reports, the newest first: to print, to hand on, and against the one before. */
export function CommissioningReports({ reports, checks, failed }: Props): JSX.Element {
  const [shown, setShown] = useState<CommissioningReport | null>(null)
  const compare = async (id: string): Promise<void> => {
    const got = await call('commissioningReport', { id })
    failed(got.ok ? null : got.problem.code)
    setShown(got.ok ? got.value : null)
  }
  return (
    <section class="card" aria-labelledby="commissioning-reports">
      <h2 id="commissioning-reports">{t('commissioningReports')}</h2>
      {reports.length === 0 ? <p class="empty">{t('commissioningNoReports')}</p> : null}
      <ul class="letters">{reports.map(({ id, at, by, passed, failed: bad, skipped }) => (
        <li key={id}>
          <span><strong>{momentOf(at, now.value)}</strong> · {by}<br />{say('commissioningCounts', passed, bad, skipped)}</span>
          <span class="site-buttons">
            <a class="button" href={`/api/commissioning/reports/${id}/html`} target="_blank" rel="noreferrer">{t('commissioningOpen')}</a>
            <a class="button" href={`/api/commissioning/reports/${id}/json`} download>{t('commissioningJson')}</a>
            <button type="button" aria-expanded={shown?.report.id === id} onClick={() => void compare(id)}>{t('commissioningCompare')}</button>
          </span>
          {shown?.report.id === id ? <Differences report={shown} checks={checks} /> : null}
        </li>
      ))}</ul>
    </section>
  )
}

function Differences({ report: { before }, checks }: { readonly report: CommissioningReport; readonly checks: CommissioningAnswer['checks'] }): JSX.Element {
  if (!before) return <p class="told">{t('commissioningFirst')}</p>
  if (before.differences.length === 0) return <p class="told">{t('commissioningSame')}</p>
  return (
    <div class="wide-table differences"><table>
      <thead><tr><th scope="col">{t('commissioningPoint')}</th><th scope="col">{t('commissioningBefore')}</th><th scope="col">{t('commissioningAfter')}</th></tr></thead>
      <tbody>{before.differences.map(({ point, was, now: is }) => <tr key={point}><th scope="row">{pointIn(checks, point)}</th><td>{tState('check', was ?? 'absent')}</td><td>{tState('check', is ?? 'absent')}</td></tr>)}</tbody>
    </table></div>
  )
}
