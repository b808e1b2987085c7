import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { CheckUpAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { momentOf } from '../format.ts'
import { named, say, t, tState } from '../language.ts'
import { Failed } from '../parts/problem.tsx'
import { StateShape, type StateMark } from '../shapes.tsx'
import { now } from '../state.ts'

type Finding = CheckUpAnswer['findings'][number]
const answer = signal<CheckUpAnswer | null>(null)
const groups = ['fault', 'warning', 'notice'] as const
const marks: Readonly<Record<Finding['severity'], StateMark>> = { fault: 'bad', warning: 'uncertain', notice: 'unknown' }

/** What `linli doctor` says, found by the same code. */
export function CheckUp(): JSX.Element {
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<string | null>(null)
  const run = async (): Promise<void> => {
    setBusy(true)
    const got = await call('checkUp', { timeoutMs: 30_000 })
    setBusy(false)
    setFailed(got.ok ? null : got.problem.code)
    if (got.ok) answer.value = got.value
  }
  const found = answer.value
  return (
    <section class="card" aria-labelledby="check-up">
      <h2 id="check-up">{t('checkUp')}</h2>
      <p>{t('checkUpWhy')}</p>
      <button type="button" disabled={busy} onClick={() => void run()}>{t(busy ? 'checkUpRunning' : 'checkUpDo')}</button>
      <Failed code={failed} />
      <div role="status">{found && !busy ? say('checkUpDone', momentOf(found.at, now.value), found.findings.filter(({ severity }) => severity !== 'notice').length) : null}</div>
      {found ? groups.map((severity) => <Group key={severity} severity={severity} findings={found.findings.filter((each) => each.severity === severity)} />) : null}
      {found && found.ok.length > 0 ? <p class="device-state"><StateShape state="good" />{t('checkUpWell')} {found.ok.map((area) => tState('area', area)).join(' · ')}</p> : null}
    </section>
  )
}

function Group({ severity, findings }: { readonly severity: Finding['severity']; readonly findings: readonly Finding[] }): JSX.Element | null {
  if (findings.length === 0) return null
  return (
    <>
      <h3 class="device-state"><StateShape state={marks[severity]} />{t(`finding_${severity}`)} {findings.length}</h3>
      <ul class={`findings finding-${severity}`}>{findings.map((each, index) => (
        <li key={`${index} ${each.code}`}>
          <strong>{tState('area', each.area)}</strong> <code>{each.where}</code>
          <p>{named(each.what)} <code>{each.code}</code></p>
          {each.detail ? <details><summary>{t('detail')}</summary><code lang="en">{each.detail}</code></details> : null}
          <p><strong>{t('nextStep')}</strong> {named(each.next)}</p>
        </li>
      ))}</ul>
    </>
  )
}
