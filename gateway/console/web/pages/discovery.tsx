import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { DiscoveredAnswer, DiscoveryAnswer, DiscoveryProposalAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { clock } from '../clock.ts'
import { unitOf } from '../format.ts'
import { named, say, t } from '../language.ts'
import { Field } from '../parts/dialog.tsx'
import { Failed } from '../parts/problem.tsx'
import { hrefOf } from '../route.ts'
import { StateShape } from '../shapes.tsx'
import { may } from '../state.ts'

type Kind = 'rtu' | 'tcp' | 'opcua'
const kinds: readonly Kind[] = ['rtu', 'tcp', 'opcua']
const everyMs = 1_000
const readMs = 60_000

/** Finding devices: search, read, compare with the display, save. The same code as `linli scan`. */
export function Discovery(): JSX.Element {
  const [view, setView] = useState<DiscoveryAnswer | null>(null)
  const [failed, setFailed] = useState<string | null>(null)
  const [proposal, setProposal] = useState<DiscoveryProposalAnswer | null>(null)
  const [saved, setSaved] = useState<number | null>(null)
  const [reading, setReading] = useState<string | null>(null)
  const ask = async (): Promise<void> => { const got = await call('discovery'); if (got.ok) setView(got.value); else setFailed(got.problem.code) }
  const running = view?.state === 'running'
  useEffect(() => { if (may('installer')) void ask() }, [])
  useEffect(() => (running ? clock.every(everyMs, () => void ask()) : undefined), [running])
  if (!may('installer')) return <><h1>{t('discovery')}</h1><p class="empty">{t('notAllowed')}</p></>
  const took = (problem: string | null): boolean => { setFailed(problem); return problem === null }
  const start = async (body: { kind: Kind; target: string }): Promise<void> => {
    setProposal(null)
    setSaved(null)
    const got = await call('startDiscovery', { body })
    took(got.ok ? null : got.problem.code)
    await ask()
  }
  const read = async (id: string): Promise<void> => {
    setReading(id)
    setProposal(null)
    const got = await call('readDiscovered', { body: { id }, timeoutMs: readMs })
    setReading(null)
    took(got.ok ? null : got.problem.code)
    await ask()
  }
  const ids = view?.devices.filter((each) => each.model && each.values?.some(({ value }) => value !== null)).map(({ id }) => id) ?? []
  const propose = async (): Promise<void> => { const got = await call('proposeDiscovered', { body: { ids } }); if (took(got.ok ? null : got.problem.code) && got.ok) setProposal(got.value) }
  const save = async (): Promise<void> => { const got = await call('saveDiscovered', { body: { ids } }); if (took(got.ok ? null : got.problem.code) && got.ok) { setSaved(got.value.devices); setProposal(null) } }
  return (
    <>
      <a class="back" href={hrefOf('installer')}>← {t('installer')}</a>
      <h1>{t('discovery')}</h1>
      <p>{t('discoveryWhy')}</p>
      <Failed code={failed} />
      {view && !running ? <Start view={view} start={start} /> : null}
      {view && running ? (
        <section class="card" aria-label={t('discoveryRunning')}>
          <p><strong>{t('discoveryRunning')}</strong> <code>{view.target}</code></p>
          <progress max={1} value={view.share} aria-label={t('discoveryRunning')} />
          <p role="status">{say('discoveryLeft', Math.ceil(view.leftMs / 1_000), view.devices.length)}</p>
          <p class="quiet-line"><code>{view.at ?? ''}</code></p>
          <button type="button" onClick={() => void call('stopDiscovery').then(ask)}>{t('discoveryStop')}</button>
        </section>
      ) : null}
      {view ? <Outcome view={view} /> : null}
      {view?.devices.map((device) => <Found key={device.id} device={device} busy={running || reading !== null} reading={reading === device.id} read={read} />)}
      {ids.length > 0 && !running ? <p><button type="button" onClick={() => void propose()}>{say('discoverySave', ids.length)}</button></p> : null}
      {proposal ? <Proposal proposal={proposal} save={save} /> : null}
      <div role="status">{saved === null ? null : <p class="device-state"><StateShape state="good" />{say('discoverySaved', saved)}</p>}</div>
    </>
  )
}

function Start({ view, start }: { readonly view: DiscoveryAnswer; readonly start: (body: { kind: Kind; target: string }) => Promise<void> }): JSX.Element {
  const free = view.ports.filter(({ usedBy }) => usedBy === null)
  const [kind, setKind] = useState<Kind>(free.length > 0 ? 'rtu' : 'tcp')
  const [port, setPort] = useState(free[0]?.path ?? '')
  const [address, setAddress] = useState('')
  const target = kind === 'rtu' ? port : address.trim()
  return (
    <form class="card" onSubmit={(event) => { event.preventDefault(); void start({ kind, target }) }}>
      <fieldset class="choices"><legend>{t('discoveryWhere')}</legend>{kinds.map((each) => <label key={each}><input type="radio" name="kind" checked={kind === each} onChange={() => setKind(each)} /><span>{t(`discovery_${each}`)}</span></label>)}</fieldset>
      {kind === 'rtu' ? (
        <>
          <Field label={t('discoveryPort')}>{(id) => <select id={id} required value={port} onChange={(event) => setPort(event.currentTarget.value)}>{view.ports.length === 0 ? <option value="">{t('discoveryNoPort')}</option> : null}{view.ports.map(({ path, usedBy }) => <option key={path} value={path} disabled={usedBy !== null}>{path}{usedBy === null ? '' : ` (${say('discoveryUsed', usedBy)})`}</option>)}</select>}</Field>
          <p class="quiet-line">{t('discoveryPortWhy')}</p>
        </>
      ) : <Field label={t(kind === 'tcp' ? 'discoveryRange' : 'discoveryUrl')}>{(id) => <input id={id} type="text" required maxLength={300} autocomplete="off" placeholder={kind === 'tcp' ? '192.168.1.20-60' : 'opc.tcp://192.168.1.30:4840'} value={address} onInput={(event) => setAddress(event.currentTarget.value)} />}</Field>}
      <button type="submit" disabled={target === ''}>{t('discoveryStart')}</button>
    </form>
  )
}

function Outcome({ view }: { readonly view: DiscoveryAnswer }): JSX.Element | null {
  const { state, code, detail, devices, servers, warnings } = view
  if (state === 'idle' || state === 'running') return null
  return (
    <>
      {state === 'failed' && code !== null ? <Failed code={code} /> : <p role="status">{state === 'stopped' ? t('discoveryStopped') : ''} {servers.length > 0 ? null : say('discoveryFound', devices.length)}</p>}
      {detail === null ? null : <details><summary>{t('detail')}</summary><code lang="en">{detail}</code></details>}
      {warnings.length > 0 ? <details open><summary>{t('detail')}</summary><ul>{warnings.map((each) => <li key={each.text}><code lang="en">{each.code} {each.text}</code></li>)}</ul></details> : null}
      {servers.map((server) => <section key={server.url} class="card"><h2><code>{server.url}</code></h2><p><code>{server.name}</code></p><ul>{server.endpoints.map((each) => <li key={each}><code lang="en">{each}</code></li>)}</ul></section>)}
    </>
  )
}

function Found({ device, busy, reading, read }: { readonly device: DiscoveredAnswer; readonly busy: boolean; readonly reading: boolean; readonly read: (id: string) => Promise<void> }): JSX.Element {
  const { id, where, setting, unitId, duplicate, model, like, answers, says, values, finding } = device
  return (
    <section class="card found">
      <h2 class="device-state"><StateShape state={duplicate ? 'bad' : model ? 'good' : 'unknown'} />{duplicate ? t('discoveryTwins') : model ? named(model.name) : t('discoveryUnknown')}</h2>
      <p>{say('discoveryUnit', unitId)} · <code>{where}</code>{setting === null ? null : <> · <code>{setting}</code></>}{model ? ` · ${say('discoveryScore', model.score)}` : ''}</p>
      {duplicate ? <p>{t('discoveryTwinsWhy')}</p> : null}
      {!model && like ? <p>{say('discoveryLike', named(like.name), like.score)}</p> : null}
      <details><summary>{t('discoveryReasons')}</summary><ul lang="en">{[...Object.entries(says).map(([name, text]) => `${name}: ${text}`), ...model?.why ?? [], ...like?.against ?? [], ...answers].map((each) => <li key={each}><code>{each}</code></li>)}</ul></details>
      {values ? <table><caption>{t('discoveryValues')}</caption><tbody>{values.map((each) => <tr key={each.id}><th scope="row">{named(each.name)}</th><td>{each.value === null ? <code>{each.reason}</code> : typeof each.value === 'boolean' ? t(each.value ? 'on' : 'off') : `${each.value} ${unitOf(each.unit)}`}</td></tr>)}</tbody></table> : null}
      {finding === null ? null : <div class="warn"><p>{t('discoveryDecode')}</p><code lang="en">{finding}</code></div>}
      {model ? <button type="button" disabled={busy} onClick={() => void read(id)}>{t(reading ? 'discoveryReading' : values ? 'discoveryReadAgain' : 'discoveryRead')}</button> : null}
    </section>
  )
}

function Proposal({ proposal, save }: { readonly proposal: DiscoveryProposalAnswer; readonly save: () => Promise<void> }): JSX.Element {
  const { file, lines, text, left, writable, devices } = proposal
  return (
    <section class="card" aria-labelledby="proposal">
      <h2 id="proposal">{t('discoveryLines')}</h2>
      <p><code>{file}</code></p>
      {lines.length === 0 ? <p>{t('discoveryNothing')}</p> : <pre class="log" lang="en" tabIndex={0} aria-label={t('discoveryLines')}>{lines.map((line) => `+ ${line}\n`).join('')}</pre>}
      {left.length > 0 ? <ul>{left.map((each) => <li key={each.id}><code lang="en">{each.why}</code></li>)}</ul> : null}
      {devices > 0 && writable ? <button type="button" onClick={() => void save()}>{t('discoveryWrite')}</button> : null}
      {devices > 0 && !writable ? <><p>{t('discoveryReadOnly')}</p><a class="button" download="site.yaml" href={`data:text/yaml;charset=utf-8,${encodeURIComponent(text)}`}>{t('discoveryDownload')}</a></> : null}
    </section>
  )
}
