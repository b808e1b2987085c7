import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import type { DeviceView, PointView } from '../../api/index.ts'
import { agoOf, valueOf } from '../format.ts'
import { named, t, tState } from '../language.ts'
import { Loading } from '../parts/loading.tsx'
import { hrefOf } from '../route.ts'
import { StateShape, type StateMark } from '../shapes.tsx'
import { devices, now, placeName } from '../state.ts'

export const deviceMark: Readonly<Record<DeviceView['state'], StateMark>> = { online: 'good', offline: 'bad', degraded: 'uncertain', flapping: 'uncertain', unknown: 'unknown' }
export const pointMark = ({ quality }: Pick<PointView, 'quality'>): StateMark => quality ?? 'unknown'

const wanted = signal('')
const step = 60
const shown = signal(step)
const troubled = (device: DeviceView): number => (device.state === 'online' && device.bad === 0 ? 1 : 0)

export function Devices(): JSX.Element {
  const all = devices.value
  if (!all) return <><h1>{t('devices')}</h1><Loading /></>
  const text = wanted.value.trim().toLowerCase()
  const found = all.filter(({ id, name, place }) => [id, name.zh, name.en, place ?? ''].some((each) => each.toLowerCase().includes(text)))
    .toSorted((a, b) => troubled(a) - troubled(b))
  return (
    <>
      <h1>{t('devices')}</h1>
      <input type="search" aria-label={t('search')} placeholder={t('search')} value={wanted.value} onInput={(event) => { wanted.value = event.currentTarget.value; shown.value = step }} />
      <ul class="cards two">{found.slice(0, shown.value).map((device) => <DeviceCard device={device} key={device.id} />)}</ul>
      {found.length > shown.value ? <button type="button" class="wide" onClick={() => { shown.value += step }}>{t('more')} ({found.length - shown.value})</button> : null}
    </>
  )
}

function DeviceCard({ device }: { readonly device: DeviceView }): JSX.Element {
  return (
    <li class={`card device state-${device.state}`}>
      <a class="device-name" href={hrefOf('devices', device.id)}>{named(device.name)}</a>
      <span class="device-state"><StateShape state={deviceMark[device.state]} />{tState('device', device.state)}</span>
      <ul class="values">{device.points.slice(0, 4).map((point) => <li key={point.id}><span>{named(point.name)}</span><strong class={`quality-${point.quality ?? 'unknown'}`}>{valueOf(point)}</strong></li>)}</ul>
      <p class="quiet-line">{device.mode ? <span class="badge loud">{t(`${device.mode}Mode`)}</span> : null}{device.place ? <span>{placeName(device.place)}</span> : null}<span>{t('lastSeen')} {device.lastSeenAt === null ? t('notYet') : agoOf(device.lastSeenAt, now.value)}</span></p>
    </li>
  )
}
