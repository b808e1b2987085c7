import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { DiscoveryAnswer, DiscoveryProposalAnswer, DiscoverySavedAnswer, Order } from '../../api/index.ts'
import { call } from '../api.ts'
import { clock } from '../clock.ts'
import { say, t } from '../language.ts'
import { FoundDevice } from '../parts/found-device.tsx'
import { Proposed, Saved } from '../parts/found-saving.tsx'
import { Failed } from '../parts/problem.tsx'
import { SearchForm } from '../parts/search-form.tsx'
import { hrefOf } from '../route.ts'
import { may } from '../state.ts'

const everyMs = 1_000
const readMs = 60_000
const saveMs = 30_000

/** Finding devices: search, read, compare with the display, save. The same code as `linli scan`, and as every change of the site file. */
export function Discovery(): JSX.Element {
  const [view, setView] = useState<DiscoveryAnswer | null>(null)
  const [failed, setFailed] = useState<string | null>(null)
  const [proposal, setProposal] = useState<DiscoveryProposalAnswer | null>(null)
  const [saved, setSaved] = useState<DiscoverySavedAnswer | null>(null)
  const [reading, setReading] = useState<string | null>(null)
  /** What is to be saved: ids, and of an OPC UA server its variables. */
  const [chosen, setChosen] = useState<Readonly<Record<string, readonly string[] | undefined>>>({})
  // The gateway turns after a save: nobody answers for a moment, and that is no fault.
  const ask = async (): Promise<void> => { const got = await call('discovery'); if (got.ok) setView(got.value); else if (got.status !== 0) setFailed(got.problem.code) }
  const running = view?.state === 'running'
  useEffect(() => { if (may('installer')) void ask() }, [])
  useEffect(() => (running ? clock.every(everyMs, () => void ask()) : undefined), [running])
  if (!may('installer')) return <><h1>{t('discovery')}</h1><p class="empty">{t('notAllowed')}</p></>
  const took = (problem: string | null): boolean => { setFailed(problem); return problem === null }
  const start = async (body: Order<'startDiscovery'>): Promise<void> => {
    setProposal(null)
    setSaved(null)
    setChosen({})
    const got = await call('startDiscovery', { body })
    took(got.ok ? null : got.problem.code)
    await ask()
  }
  const read = async (body: Order<'readDiscovered'>): Promise<void> => {
    setReading(body.id)
    setProposal(null)
    const got = await call('readDiscovered', { body, timeoutMs: readMs })
    setReading(null)
    took(got.ok ? null : got.problem.code)
    if (got.ok && isRead(got.value) && got.value.known === null) setChosen((before) => ({ ...before, [body.id]: before[body.id] ?? [] }))
    await ask()
  }
  const choose = (id: string, nodes: readonly string[] | undefined): void => { setProposal(null); setChosen((before) => ({ ...before, [id]: nodes })) }
  const ids = view?.devices.map(({ id }) => id).filter((id) => chosen[id] !== undefined) ?? []
  const body = { ids, nodes: Object.fromEntries(ids.map((id) => [id, [...chosen[id]!]])) }
  const propose = async (): Promise<void> => { const got = await call('proposeDiscovered', { body }); if (took(got.ok ? null : got.problem.code) && got.ok) setProposal(got.value) }
  const save = async (): Promise<void> => {
    const got = await call('saveDiscovered', { body, timeoutMs: saveMs })
    if (!took(got.ok ? null : got.problem.code) || !got.ok) return
    setSaved(got.value)
    setProposal(null)
    setChosen({})
    setView(null)
  }
  return (
    <>
      <a class="back" href={hrefOf('installer')}>‹ {t('installer')}</a>
      <h1>{t('discovery')}</h1>
      <p>{t('discoveryWhy')}</p>
      <Failed code={failed} />
      {saved ? <Saved saved={saved} again={() => { setSaved(null); void ask() }} /> : null}
      {view && view.trial !== null ? <p class="banner">{say('discoveryTrial', view.trial)} <a href={hrefOf('configuration')}>{t('configuration')}</a></p> : null}
      {view && !running ? <SearchForm view={view} start={start} /> : null}
      {view && running ? <Running view={view} stop={() => void call('stopDiscovery').then(ask)} /> : null}
      {view ? <Outcome view={view} /> : null}
      {view?.devices.filter(({ known, kind }) => known === null || kind !== 'mqtt').map((device) => <FoundDevice key={device.id} device={device} busy={running || reading !== null} reading={reading === device.id} read={read} chosen={chosen[device.id]} choose={choose} />)}
      {view ? <AlreadyThere view={view} /> : null}
      {ids.length > 0 && !running ? <p><button type="button" onClick={() => void propose()}>{say('discoverySave', ids.length)}</button></p> : null}
      {proposal ? <Proposed proposal={proposal} save={save} /> : null}
    </>
  )
}

export const isRead = ({ values }: DiscoveryAnswer['devices'][number]): boolean => values?.some(({ value }) => value !== null) ?? false

function Running({ view, stop }: { readonly view: DiscoveryAnswer; readonly stop: () => void }): JSX.Element {
  return (
    <section class="card" aria-label={t('discoveryRunning')}>
      <p><strong>{t('discoveryRunning')}</strong> <code>{view.target}</code></p>
      <progress max={1} value={view.share} aria-label={t('discoveryRunning')} />
      <p role="status">{say('discoveryLeft', Math.ceil(view.leftMs / 1_000), view.devices.length)}</p>
      <p class="quiet-line"><code>{view.at ?? ''}</code></p>
      <button type="button" onClick={stop}>{t('discoveryStop')}</button>
    </section>
  )
}

function Outcome({ view }: { readonly view: DiscoveryAnswer }): JSX.Element | null {
  const { state, code, detail, devices, warnings } = view
  if (state === 'idle' || state === 'running') return null
  return (
    <>
      {state === 'failed' && code !== null ? <Failed code={code} /> : <p role="status">{state === 'stopped' ? t('discoveryStopped') : ''} {say('discoveryFound', devices.length)}</p>}
      {detail === null ? null : <details><summary>{t('detail')}</summary><code lang="en">{detail}</code></details>}
      {warnings.length > 0 ? <details open><summary>{t('detail')}</summary><ul>{warnings.map((each) => <li key={each.text}><code lang="en">{each.code} {each.text}</code></li>)}</ul></details> : null}
    </>
  )
}

/** Devices that speak on the bus and are read already: nothing to do, and good to know. */
function AlreadyThere({ view }: { readonly view: DiscoveryAnswer }): JSX.Element | null {
  const there = [...new Set(view.devices.flatMap(({ known, kind }) => (known !== null && kind === 'mqtt' ? [known] : [])))]
  return there.length === 0 ? null : <details><summary>{say('discoveryKnown', there.length)}</summary><ul>{there.map((id) => <li key={id}><code>{id}</code></li>)}</ul></details>
}
