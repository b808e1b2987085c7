import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { BundleAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { clock } from '../clock.ts'
import { bytesOf } from '../format.ts'
import { t } from '../language.ts'
import { Failed } from '../parts/problem.tsx'

const askMs = 500

/** What `linli support-bundle` writes, made by the same code: asked for, waited for, downloaded. */
export function SupportBundle(): JSX.Element {
  const [bundle, setBundle] = useState<BundleAnswer>({ state: 'none' })
  const [failed, setFailed] = useState<string | null>(null)
  const working = bundle.state === 'working'
  useEffect(() => {
    if (!working) return
    return clock.every(askMs, () => void call('supportBundle').then((got) => { if (got.ok) setBundle(got.value) }))
  }, [working])
  const make = async (): Promise<void> => {
    const got = await call('makeSupportBundle', { body: { events: 0 } })
    setFailed(got.ok ? null : got.problem.code)
    if (got.ok) setBundle(got.value)
  }
  return (
    <section class="card" aria-labelledby="support-bundle">
      <h2 id="support-bundle">{t('supportBundle')}</h2>
      <p>{t('supportBundleWhy')}</p>
      <div class="actions">
        <button type="button" disabled={working} onClick={() => void make()}>{t(working ? 'supportBundleMaking' : 'supportBundleDo')}</button>
        {working ? <progress max={1} value={bundle.share} aria-label={t('supportBundle')} /> : null}
        {bundle.state === 'ready' ? <a class="button" href="/api/support-bundle/file" download={bundle.name}>{t('download')} {bytesOf(bundle.bytes)}</a> : null}
      </div>
      <div role="status">{bundle.state === 'ready' ? t('supportBundleReady') : null}</div>
      <Failed code={failed ?? (bundle.state === 'failed' ? bundle.code : null)} />
    </section>
  )
}
