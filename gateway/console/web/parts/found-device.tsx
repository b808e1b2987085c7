import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { DiscoveredAnswer, Order } from '../../api/index.ts'
import { unitOf } from '../format.ts'
import { named, say, t } from '../language.ts'
import { StateShape } from '../shapes.tsx'

interface FoundProps {
  readonly device: DiscoveredAnswer
  readonly busy: boolean
  readonly reading: boolean
  readonly read: (body: Order<'readDiscovered'>) => Promise<void>
  /** Undefined: it is not to be saved. Of an OPC UA server, its variables that are. */
  readonly chosen: readonly string[] | undefined
  readonly choose: (id: string, nodes: readonly string[] | undefined) => void
}

/** One device that was found: what it is and why, what it says now, whether it is to be saved. */
export function FoundDevice({ device, busy, reading, read, chosen, choose }: FoundProps): JSX.Element {
  const { id, kind, where, setting, unitId, duplicate, model, like, values, finding, known, offers, certificate, nodes } = device
  const [security, setSecurity] = useState(setting ?? '')
  const title = duplicate ? t('discoveryTwins') : kind === 'refused' ? device.says.username ?? '' : kind === 'opcua' ? device.says.name || where : model ? named(model.name) : device.says.name || t('discoveryUnknown')
  const readable = values?.some(({ value }) => value !== null) ?? false
  return (
    <section class="card found" aria-label={title}>
      <h2 class="device-state"><StateShape state={duplicate ? 'bad' : model ? 'good' : 'unknown'} />{title}</h2>
      <p>{unitId === null ? '' : `${say('discoveryUnit', unitId)} · `}<code>{where}</code>{setting === null || kind === 'opcua' ? null : <> · <code>{setting}</code></>}{model && kind !== 'opcua' ? ` · ${kind === 'mqtt' ? model.why[0]?.replace(/^(\d+) of (\d+).*$/, (_, seen: string, all: string) => say('discoverySeen', Number(seen), Number(all))) ?? '' : say('discoveryScore', model.score)}` : ''}</p>
      {duplicate ? <p>{t('discoveryTwinsWhy')}</p> : null}
      {kind === 'refused' ? <p>{t(known === null ? 'discoveryStranger' : 'discoveryWrongPassword')}</p> : null}
      {kind === 'mqtt' && !model ? <p>{t('discoveryNoProfile')}</p> : null}
      {kind === 'opcua' && known !== null ? <p>{say('discoveryOwn', known)}</p> : null}
      {!model && like ? <p>{say('discoveryLike', named(like.name), like.score)}</p> : null}
      <Reasons device={device} />
      {kind === 'opcua' && known === null && offers.length > 0 ? <label class="field">{t('discoverySecurity')}<select value={security} onChange={(event) => setSecurity(event.currentTarget.value)}>{offers.map((each) => <option key={each} value={each}>{each === 'None' ? t('discoveryOpen') : each}</option>)}</select></label> : null}
      {kind === 'opcua' && known === null && offers.length === 0 ? <p>{t('discoveryLogin')}</p> : null}
      {values ? <table><caption>{t('discoveryValues')}</caption><tbody>{values.map((each) => <tr key={each.id}><th scope="row">{named(each.name)}</th><td>{each.value === null ? <code>{each.reason}</code> : <>{typeof each.value === 'boolean' ? t(each.value ? 'on' : 'off') : `${each.value} ${unitOf(each.unit)}`}{each.reason === undefined ? null : <> <code>{each.reason}</code></>}</>}</td></tr>)}</tbody></table> : null}
      {finding === null ? null : <div class="warn"><p>{t('discoveryDecode')}</p><code lang="en">{finding}</code></div>}
      {certificate ? <div class="warn" role="alert"><p>{t('discoveryTrust')}</p><p><code>{certificate.thumbprint.match(/.{1,4}/g)?.join(' ')}</code></p><button type="button" disabled={busy} onClick={() => void read({ id, security, trust: certificate.thumbprint })}>{t('discoveryTrusted')}</button></div> : null}
      {model && (kind !== 'opcua' || offers.length > 0 || known !== null) ? <button type="button" disabled={busy} onClick={() => void read(kind === 'opcua' ? { id, ...(security === '' ? {} : { security }) } : { id })}>{t(reading ? kind === 'mqtt' ? 'discoveryWaiting' : 'discoveryReading' : values && kind !== 'mqtt' ? 'discoveryReadAgain' : 'discoveryRead')}</button> : null}
      {nodes && nodes.length > 0 ? <Nodes nodes={nodes} chosen={chosen ?? []} choose={(next) => choose(id, next.length === 0 && known !== null ? undefined : next)} /> : null}
      {readable && model && !duplicate && (known === null || kind === 'modbus') ? <label class="accept"><input type="checkbox" checked={chosen !== undefined} onChange={(event) => choose(id, event.currentTarget.checked ? [] : undefined)} /> {t('discoveryAdd')}</label> : null}
    </section>
  )
}

function Reasons({ device: { says, model, like, answers } }: { readonly device: DiscoveredAnswer }): JSX.Element | null {
  const all = [...Object.entries(says).filter(([, text]) => text !== '').map(([name, text]) => `${name}: ${text}`), ...model?.why ?? [], ...like?.against ?? [], ...answers]
  return all.length === 0 ? null : <details><summary>{t('discoveryReasons')}</summary><ul lang="en">{all.map((each) => <li key={each}><code>{each}</code></li>)}</ul></details>
}

/** Variables of an OPC UA server, to choose from. */
function Nodes({ nodes, chosen, choose }: { readonly nodes: NonNullable<DiscoveredAnswer['nodes']>; readonly chosen: readonly string[]; readonly choose: (next: readonly string[]) => void }): JSX.Element {
  return (
    <fieldset class="found-nodes"><legend>{say('discoveryNodes', nodes.length)}</legend>
      <div class="scroll" tabIndex={0} role="region" aria-label={say('discoveryNodes', nodes.length)}>
        {nodes.map(({ node, path, value }) => <label key={node} class="accept"><input type="checkbox" checked={chosen.includes(node)} onChange={(event) => choose(event.currentTarget.checked ? [...chosen, node] : chosen.filter((each) => each !== node))} /> {path} <code>{value}</code></label>)}
      </div>
    </fieldset>
  )
}
