import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ConfigurationsAnswer, DiscoveryProposalAnswer, DiscoverySavedAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { clock } from '../clock.ts'
import { named, say, t } from '../language.ts'
import { hrefOf } from '../route.ts'
import { StateShape } from '../shapes.tsx'
import { Plan } from './plan.tsx'
import { Failed } from './problem.tsx'

/** The new lines of the site file, and what they mean. */
export function Proposed({ proposal, save }: { readonly proposal: DiscoveryProposalAnswer; readonly save: () => Promise<void> }): JSX.Element {
  const { file, lines, text, left, writable, devices, plan } = proposal
  const [busy, setBusy] = useState(false)
  return (
    <section class="card" aria-labelledby="proposal">
      <h2 id="proposal">{t('discoveryLines')}</h2>
      <p><code>{file}</code></p>
      {lines.length === 0 ? <p>{t('discoveryNothing')}</p> : <pre class="log" lang="en" tabIndex={0} aria-label={t('discoveryLines')}>{lines.map((line) => `+ ${line}\n`).join('')}</pre>}
      {left.length > 0 ? <ul>{left.map((each) => <li key={each.id}><code lang="en">{each.why}</code></li>)}</ul> : null}
      {plan ? <Plan plan={plan} /> : null}
      {devices > 0 && writable ? <><p>{t('discoveryWriteWhy')}</p><button type="button" class="acknowledge" disabled={busy} onClick={() => { setBusy(true); void save().finally(() => setBusy(false)) }}>{t('discoveryWrite')}</button></> : null}
      {devices > 0 && !writable ? <><p>{t('discoveryReadOnly')}</p><a class="button" download="site.yaml" href={`data:text/yaml;charset=utf-8,${encodeURIComponent(text)}`}>{t('discoveryDownload')}</a></> : null}
    </section>
  )
}

const everyMs = 1_000

/** It is in force; whether it stays is asked each second, also while the gateway turns. */
export function Saved({ saved, again }: { readonly saved: DiscoverySavedAnswer; readonly again: () => void }): JSX.Element {
  const [known, setKnown] = useState<ConfigurationsAnswer | null>(null)
  const [failed, setFailed] = useState<string | null>(null)
  useEffect(() => clock.every(everyMs, () => void call('configurations').then((got) => { if (got.ok) setKnown(got.value) })), [])
  const own = known?.configurations.find(({ number }) => number === saved.configuration)
  const trial = known?.trial?.number === saved.configuration ? known.trial : null
  const back = own?.outcome === 'rolled-back'
  return (
    <section class="card" aria-label={t('discoverySavedTitle')}>
      <div role="status">
        <p class="device-state"><StateShape state={back ? 'bad' : 'good'} />{back ? say('discoveryBack', saved.configuration) : say('discoverySaved', saved.devices.length, saved.configuration)}</p>
        {own?.outcome === 'confirmed' ? <p>{t('discoveryStays')}</p> : null}
      </div>
      <p><code>{saved.devices.join(' · ')}</code></p>
      {back && own.note ? <p><code lang="en">{own.note}</code></p> : null}
      {trial ? <p>{say('discoveryWatched', Math.ceil(trial.leftMs / 1_000))}</p> : null}
      {trial?.findings.map((each) => <p key={each.text.en} class="device-state"><StateShape state="uncertain" />{named(each.text)} <code>{each.code}</code></p>)}
      <Failed code={failed} />
      {trial ? <button type="button" onClick={() => void call('confirmChange', { body: { anyway: false } }).then((got) => { setFailed(got.ok ? null : got.problem.code); if (got.ok) setKnown(got.value) })}>{t('confKeep')}</button> : null}
      <p><a href={hrefOf('configuration')}>{t('discoveryHistory')}</a></p>
      <button type="button" onClick={again}>{t('discoveryMore')}</button>
    </section>
  )
}
