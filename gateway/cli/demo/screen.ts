import { systemClock as clock } from '../../kit/index.ts'
import type { FeedItem } from '../../feed.ts'
import { paint, print, width } from '../output.ts'
import { renderItem } from '../tail.ts'
import type { Facility } from './facility.ts'
import { resultOf } from './result.ts'

const drawMs = 500
const quietMs = 5_000
const lastEvents = 6

/** On a terminal one page, redrawn in place; elsewhere each event as a line and a summary every few seconds. */
export function showScreen(facility: Facility): Disposable {
  const address = addressOf(facility)
  const tty = process.stdout.isTTY === true
  const events: FeedItem[] = []
  const stopFeed = facility.gateway.feed.subscribe((item) => {
    if (item.kind !== 'event') return
    if (!tty) return print(renderItem(item))
    events.push(item)
    if (events.length > lastEvents) events.shift()
  })
  let cancel = (): void => {}
  const draw = (): void => {
    if (tty) process.stdout.write(`\u001b[H\u001b[J${page(facility, events, address())}\n`)
    else print(city(facility))
    cancel = clock.after(tty ? drawMs : quietMs, draw)
  }
  if (tty) process.stdout.write('\u001b[2J')
  else print(`${address()}\n${elsewhere(facility)}`)
  draw()
  return { [Symbol.dispose]() { cancel(); stopFeed() } }
}

function page(facility: Facility, events: readonly FeedItem[], address: string): string {
  const { gateway, site } = facility
  const status = gateway.status()
  const upFor = Math.round((status.now - status.startedAt) / 1_000)
  const alerts = status.alerts.filter(({ state, suppressedBy }) => state !== 'resolved' && suppressedBy === undefined).map(({ title, severity }) => paint(severity <= 2 ? 'red' : 'yellow', `  ● ${title.zh} / ${title.en}`))
  return [
    `${paint('bold', `邻里 Linli · ${site.site.name.zh}`)}  ${site.site.region}  up ${upFor} s  ${status.rssMb} MB`,
    '', paint('bold', '数值 VALUES'), ...values(facility),
    '', paint('bold', '事件 EVENTS'), ...events.map((item) => `  ${cut(renderItem(item))}`),
    '', paint('bold', '告警 ALERTS'), ...(alerts.length > 0 ? alerts : [paint('green', '  一切正常 / all normal')]),
    '', paint('bold', '城市平台 CITY'), `  ${city(facility)}`,
    '', paint('bold', '值守页面 CONSOLE'), `  ${address}`,
    '', `Ctrl-C stops · ${elsewhere(facility)}`,
  ].join('\n')
}

const elsewhere = ({ site, line }: Facility): string => `in another terminal: npx linli tail --socket ${site.control.socket} · npx linli scan tcp ${line}`

/** One-time: shown until it was used, then the next, for another browser. */
function addressOf({ gateway: { console: page } }: Facility): () => string {
  let address: string | undefined
  return () => {
    if (!page) return 'the console could not be opened; the log says why'
    if (address === undefined || !page.isFresh(address)) address = page.openUrl()
    return address
  }
}

function values({ gateway, site }: Facility): string[] {
  return site.connections.flatMap(({ devices }) => devices).map((device) => {
    const shown = device.points.slice(0, 5).map((point) => {
      const reading = gateway.live.read(point.id)
      const text = reading?.value == null ? paint('yellow', reading?.reason ?? '…') : typeof reading.value === 'number' ? String(Math.round(reading.value * 100) / 100) : String(reading.value)
      return `${point.name.zh} ${text}${reading?.value != null && point.unit && point.unit !== '1' ? ` ${point.unit}` : ''}`
    })
    const more = device.points.length > shown.length ? `  +${device.points.length - shown.length}` : ''
    return `  ${device.name.zh}${' '.repeat(Math.max(1, 16 - width(device.name.zh)))}${shown.join('  ')}${more}`
  })
}

function city(facility: Facility): string {
  const { cityMessages, cityReadings, lost, duplicates, gaps, readings, events } = resultOf(facility)
  const [uplink] = facility.gateway.status().uplinks
  const waiting = uplink ? Object.values(uplink.backlog).map(({ records }) => records).join('/') : '-'
  const state = uplink?.state === 'online' ? paint('green', 'online') : paint('yellow', uplink?.state ?? 'none')
  return `${state}  gateway ${readings} readings ${events} events → city ${cityReadings} readings in ${cityMessages} messages  waiting ${waiting}  lost ${lost}  doubled ${duplicates}  gaps ${gaps}`
}

function cut(text: string): string {
  const columns = process.stdout.columns || 100
  return width(text) <= columns - 4 ? text : `${text.slice(0, columns - 5)}…`
}
