import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { DiscoveryAnswer, Order } from '../../api/index.ts'
import { say, t } from '../language.ts'
import { Field } from './dialog.tsx'

type Kind = Order<'startDiscovery'>['kind']
const kinds: readonly Kind[] = ['rtu', 'tcp', 'mqtt', 'opcua']
const addresses = { tcp: ['discoveryRange', '192.168.1.20-60'], mqtt: ['discoveryBroker', '192.168.1.10:1883'], opcua: ['discoveryUrl', 'opc.tcp://192.168.1.30:4840'] } as const
/** A device that is pressed or opened speaks at once; what sends once in minutes needs longer. */
const listening = [30, 120, 600] as const
const elsewhere = ''

/** Where to look: a free serial line, addresses, a bus, a server. */
export function SearchForm({ view, start }: { readonly view: DiscoveryAnswer; readonly start: (body: Order<'startDiscovery'>) => Promise<void> }): JSX.Element {
  const free = view.ports.filter(({ usedBy }) => usedBy === null)
  const [kind, setKind] = useState<Kind>(free.length > 0 ? 'rtu' : 'tcp')
  const [port, setPort] = useState(free[0]?.path ?? '')
  const [bus, setBus] = useState(view.buses[0] ?? elsewhere)
  const [address, setAddress] = useState('')
  const [seconds, setSeconds] = useState<number>(listening[0])
  const asksAddress = kind !== 'rtu' && (kind !== 'mqtt' || bus === elsewhere)
  const target = kind === 'rtu' ? port : asksAddress ? address.trim() : bus
  return (
    <form class="card" onSubmit={(event) => { event.preventDefault(); void start({ kind, target, seconds }) }}>
      <fieldset class="choices"><legend>{t('discoveryWhere')}</legend>{kinds.map((each) => <label key={each}><input type="radio" name="kind" checked={kind === each} onChange={() => setKind(each)} /><span>{t(`discovery_${each}`)}</span></label>)}</fieldset>
      {kind === 'rtu' ? (
        <>
          <Field label={t('discoveryPort')}>{(id) => <select id={id} required value={port} onChange={(event) => setPort(event.currentTarget.value)}>{view.ports.length === 0 ? <option value="">{t('discoveryNoPort')}</option> : null}{view.ports.map(({ path, usedBy }) => <option key={path} value={path} disabled={usedBy !== null}>{path}{usedBy === null ? '' : ` (${say('discoveryUsed', usedBy)})`}</option>)}</select>}</Field>
          <p class="quiet-line">{t('discoveryPortWhy')}</p>
        </>
      ) : null}
      {kind === 'mqtt' && view.buses.length > 0 ? <Field label={t('discoveryBus')}>{(id) => <select id={id} value={bus} onChange={(event) => setBus(event.currentTarget.value)}>{view.buses.map((each) => <option key={each} value={each}>{each}</option>)}<option value={elsewhere}>{t('discoveryOtherBus')}</option></select>}</Field> : null}
      {asksAddress ? <Field label={t(addresses[kind as keyof typeof addresses][0])}>{(id) => <input id={id} type="text" required maxLength={300} autocomplete="off" placeholder={addresses[kind as keyof typeof addresses][1]} value={address} onInput={(event) => setAddress(event.currentTarget.value)} />}</Field> : null}
      {kind === 'mqtt' ? (
        <>
          <fieldset class="choices"><legend>{t('discoveryListen')}</legend>{listening.map((each) => <label key={each}><input type="radio" name="seconds" checked={seconds === each} onChange={() => setSeconds(each)} /><span>{say('discoverySeconds', each)}</span></label>)}</fieldset>
          <p class="quiet-line">{t('discoveryListenWhy')}</p>
        </>
      ) : null}
      <button type="submit" disabled={target === ''}>{t('discoveryStart')}</button>
    </form>
  )
}
