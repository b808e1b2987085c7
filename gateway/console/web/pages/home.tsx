import type { JSX } from 'preact'
import type { AlertView, Tile } from '../../api/index.ts'
import { explain } from '../codes.ts'
import { lasting, valueOf } from '../format.ts'
import { named, say, t, tState } from '../language.ts'
import { AlertList, grouped } from '../parts/alert-list.tsx'
import { useGradually } from '../parts/gradually.ts'
import { Loading } from '../parts/loading.tsx'
import { hrefOf } from '../route.ts'
import { SeverityShape, StateShape, type StateMark } from '../shapes.tsx'
import { handledCount, isHandled, now, overview, waitingCount } from '../state.ts'
import { isWaiting } from '../../alert-states.ts'

type Item = Tile['items'][number]
export const levelMark: Readonly<Record<Tile['level'], StateMark>> = { ok: 'good', attention: 'uncertain', fault: 'bad', unknown: 'unknown' }
const fewItems = 8

export function Home(): JSX.Element {
  const home = overview.value
  if (!home) return <Loading />
  const waiting = home.alerts.filter(isWaiting)
  const handled = home.alerts.filter(isHandled)
  // The gateway lists the most urgent ones.
  const unlisted = waitingCount.value - waiting.length
  return (
    <>
      <Sentence needYou={waitingCount.value} handled={handledCount.value} fault={home.tiles.some(({ level }) => level === 'fault')} />
      {waiting.length > 0 ? <section aria-labelledby="waiting"><h2 id="waiting">{t('needYou')}</h2><AlertList groups={[...grouped(waiting)]} step={step} />{unlisted > 0 ? <p><a class="more-alerts" href={hrefOf('alerts')}>{say('moreWaiting', unlisted)}</a></p> : null}</section> : null}
      {handled.length > 0 ? <section aria-labelledby="handled"><h2 id="handled">{t('beingHandled')}</h2><AlertList groups={[...grouped(handled)]} step={step} /></section> : null}
      <section aria-labelledby="building"><h2 id="building">{t('building')}</h2><Areas tiles={home.tiles} /></section>
    </>
  )
}

const step = 8
function Areas({ tiles }: { readonly tiles: readonly Tile[] }): JSX.Element {
  const drawn = useGradually(tiles.length, step)
  const going = overview.value?.alerts.filter(isGoingOn) ?? []
  return <div class="tiles">{tiles.slice(0, drawn).map((tile) => <Area tile={tile} alerts={going.filter(({ place }) => place === tile.place)} key={tile.place ?? ''} />)}</div>
}
/** Of the building as it is now: what has returned is none of it, acknowledged or not. */
const isGoingOn = (alert: AlertView): boolean => alert.condition !== 'returned' && (isWaiting(alert) || isHandled(alert))

function Sentence({ needYou, handled, fault }: { readonly needYou: number; readonly handled: number; readonly fault: boolean }): JSX.Element {
  const gravest = overview.value?.alerts.find(isWaiting)?.severity
  const calm = needYou === 0
  const text = needYou > 0 ? say('needYou', needYou) : handled > 0 ? say('handledBy', handled) : fault ? t('noAlertsBut') : t('allNormal')
  const more = needYou > 0 && handled > 0 ? say('handledBy', handled) : calm && handled === 0 && !fault ? t('allNormalMore') : null
  return (
    <div class={calm ? 'sentence calm' : 'sentence'}>
      {gravest && !calm ? <SeverityShape severity={gravest} /> : <StateShape state={handled > 0 || fault ? 'uncertain' : 'good'} />}
      <div aria-live="polite"><h1>{text}</h1>{more ? <p>{more}</p> : null}</div>
    </div>
  )
}

const fewAlerts = 2
/** A room is not well while something goes on in it, though each of its devices is. */
function Area({ tile, alerts }: { readonly tile: Tile; readonly alerts: readonly AlertView[] }): JSX.Element {
  const lines = [...grouped(alerts).values()]
  const level: Tile['level'] = alerts.some(({ severity }) => severity <= 2) ? 'fault' : alerts.length > 0 && tile.level !== 'fault' ? 'attention' : tile.level
  return (
    <article class={`card tile level-${level}`}>
      <h3><StateShape state={levelMark[level]} />{named(tile.name)}</h3>
      {lines.slice(0, fewAlerts).map((group) => <a class="tile-alert" href={hrefOf('alerts', group[0]!.id)} key={group[0]!.id}><SeverityShape severity={group[0]!.severity} /><span>{named(group[0]!.title)}{group.length > 1 ? ` ×${group.length}` : ''}</span></a>)}
      {lines.length > fewAlerts ? <span class="tile-why">{say('moreHere', lines.length - fewAlerts)}</span> : null}
      <ul>{tile.items.slice(0, fewItems).map((item) => <TileItem item={item} key={`${item.kind}/${item.id}`} />)}</ul>
    </article>
  )
}

const prefixes = { device: 'device', door: 'door', terminal: 'kiosk' } as const
const fewValues = 2
function TileItem({ item }: { readonly item: Item }): JSX.Element {
  // What is measured and has a unit; settings and switches say little at a glance.
  const values = item.level === 'ok' ? item.values.filter((point) => typeof point.value === 'number' && point.unit !== undefined && !point.writable).slice(0, fewValues) : []
  const word = tState(prefixes[item.kind], item.state)
  const openMs = item.kind === 'door' && item.state === 'open' && item.since ? now.value - item.since : 0
  const why = (item.reasons?.map(named) ?? item.why.map((code) => whyOf(item, code))).filter((each) => each !== word)
  return (
    <li class={`level-${item.level}`}>
      <a href={item.kind === 'device' ? hrefOf('devices', item.id) : hrefOf('doors')}>{named(item.name)}</a>
      <span class="tile-state">{item.level === 'ok' ? null : <StateShape state={levelMark[item.level]} />}{word}{openMs > 10_000 ? ` · ${lasting(openMs)}` : ''}</span>
      {why.length > 0 ? <span class="tile-why">{why.join(' · ')}</span> : null}
      {values.length > 0 ? <span class="tile-why">{values.map((point) => <span key={point.id}>{named(point.name)} {valueOf(point)}</span>)}</span> : null}
    </li>
  )
}
function whyOf(item: Item, code: string): string {
  if (item.kind === 'door') return tState('doorCondition', code)
  const known = explain(code)
  return known ? named(known.why) : code
}
