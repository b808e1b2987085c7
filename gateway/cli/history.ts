import type { Chart, ChartSlot } from '../contract/index.ts'
import { systemClock } from '../kit/index.ts'
import { controlClient } from '../control/client.ts'
import { paint, print, printJson, stopSignal, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

export interface HistoryCommand extends SocketOptions {
  /** How far back, milliseconds. */
  readonly from: number
  readonly points?: number
  readonly raw?: boolean
  readonly json?: boolean
  readonly csv?: boolean
}

const rowsOfATable = 48

/** `linli history POINT`: a table for a person, every slot as CSV or JSON, or the raw readings. */
export async function history(point: string, options: HistoryCommand): Promise<void> {
  const client = controlClient(await socketPath(options))
  const to = systemClock.now()
  const from = to - options.from
  if (options.raw) {
    if (options.csv) print('received,at,value,quality,reason')
    for await (const input of client.replay(from, to, stopSignal())) {
      if (!('reading' in input) || input.reading.pointId !== point) continue
      const { receivedAt, at, value, quality, reason } = input.reading
      if (options.json) printJson(input.reading)
      else if (options.csv) print([iso(receivedAt), iso(at), cell(value), quality, reason ?? ''].join(','))
      else print(`${local(receivedAt)}  ${value ?? '–'}${quality === 'good' ? '' : `  ${paint('yellow', `${quality} ${reason ?? ''}`)}`}`)
    }
    return
  }
  const chart = await client.chart(point, from, to, options.points ?? (options.json || options.csv ? 2_000 : rowsOfATable))
  if (options.json) return printJson(chart)
  print(options.csv ? csvOf(chart) : renderChart(chart))
}

function csvOf({ slots }: Chart): string {
  const line = ({ at, min, mean, max, last, quality, changes, goodMs }: ChartSlot): string => [iso(at), cell(min), cell(mean), cell(max), cell(last), quality ?? '', changes, goodMs / 1_000].join(',')
  return ['at,min,mean,max,last,quality,changes,good_seconds', ...slots.map(line)].join('\n')
}

/** The text of `linli history`. Slots in which nothing is known are told as one line a gap. */
export function renderChart({ point, slotMs, slots }: Chart): string {
  const known = slots.some(({ quality }) => quality !== null)
  if (!known) return `nothing is known of ${point} in this time; linli status lists the points`
  const rows = slots.flatMap((slot, index): string[][] => {
    if (slot.quality !== null) return [[local(slot.at), number(slot.min), number(slot.mean), number(slot.max), slot.last === null ? '–' : String(slot.last), slot.quality === 'good' ? 'good' : paint('yellow', slot.quality), String(slot.changes)]]
    return slots[index - 1]?.quality === null ? [] : [[local(slot.at), paint('yellow', 'nothing known')]]
  })
  return `${paint('bold', point)}  one row is ${slotMs / 60_000} min\n${table([['FROM', 'MIN', 'MEAN', 'MAX', 'LAST', 'QUALITY', 'CHANGES'], ...rows])}`
}

const number = (value: number | null): string => (value === null ? '–' : String(Number(value.toPrecision(7))))
const cell = (value: number | string | boolean | null): string => (value === null ? '' : typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value))
const iso = (at: number): string => new Date(at).toISOString()
const local = (at: number): string => new Date(at).toLocaleString('sv-SE')
