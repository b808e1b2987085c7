import type { Chart, ChartSlot, EpochMs, Facility, GatewayEvent, PointId } from '../../gateway/contract/index.ts'
import { scheduleOf } from '../hours.ts'
import { createZone } from '../schedule/zone.ts'
import type { Decisions } from '../site.ts'
import { Answers } from './answers.ts'
import { consumptionOf } from './energy.ts'
import { mean, seconds, share, type ReportFigures } from './figures.ts'
import { daysOf, type Month } from './month.ts'
import { Presence } from './presence.ts'
import { energyUnit } from './review.ts'
import { intersect, subtract, total, union, type Span } from './spans.ts'
import { Terminals } from './terminals.ts'

export interface ReportSources {
  events(from: EpochMs, to: EpochMs, types: readonly string[]): AsyncIterable<GatewayEvent>
  /** Absent where no history is kept. */
  chart?(point: PointId, from: EpochMs, to: EpochMs, maxPoints: number): Promise<Chart>
}
export interface ReportParts {
  readonly decisions: Pick<Decisions, 'report' | 'alerts' | 'kiosks' | 'residents' | 'schedules' | 'calendar'>
  readonly facility: Facility
  readonly sources: ReportSources
}

const minuteMs = 60_000
const dayMs = 1_440 * minuteMs
/** Maintenance lasts at most so long: earlier ones are over. */
const leadMs = 31 * dayMs
const slotsPerChart = 1_440
const energySlotMs = 30 * minuteMs
const listed = 100
/** Points whose history says when the gateway ran. */
const witnesses = 3

/** The figures of a month, up to `now`. Reads the log once and the history point by point: a month of a site takes seconds. */
export async function createReport(month: Month, now: EpochMs, { decisions, facility, sources }: ReportParts): Promise<ReportFigures> {
  const { from } = month
  const to = Math.max(from, Math.min(month.to, now))
  const answers = new Answers(decisions.alerts.deadlines)
  const terminals = new Terminals(decisions.kiosks.map(({ id }) => id), from, to)
  const presence = new Presence(facility)
  const ratings = { n: 0, sum: 0, poor: 0 }
  let calls = 0

  for await (const event of sources.events(from - leadMs, from, ['gateway'])) if (event.data.action !== 'started') presence.add(event)
  const alive = await watchedOf(month, to, facility, sources)
  for (const id of facility.devices.keys()) await beginOf(id, from, to, facility, sources, presence)
  for await (const event of sources.events(from, to + 1, ['alert', 'kiosk', 'device', 'gateway', 'request', 'evaluation'])) {
    if (event.type === 'kiosk') terminals.add(event)
    if (event.at >= to || event.type === 'kiosk') continue
    if (event.type === 'alert') answers.add(event)
    else if (event.type === 'request') calls += event.mode === undefined ? 1 : 0
    else if (event.type === 'evaluation') rate(event, decisions.residents.poorRating, ratings)
    else presence.add(event)
  }
  presence.end(to)

  return {
    version: 1, month: month.name, from, to: month.to, complete: to === month.to,
    watched: alive && watchedFigures(month, to, alive, facility.timezone),
    terminals: terminals.figures(), alerts: answers.figures(), calls,
    devices: devicesOf(facility, presence, alive ?? []),
    climate: await climateOf(month, to, { decisions, facility, sources }, presence),
    energy: await energyOf(month, to, { decisions, facility, sources }),
    ratings: { n: ratings.n, mean: mean(ratings.sum, ratings.n), poor: ratings.poor },
  }
}

function rate({ mode, data: { score } }: GatewayEvent, poor: number, ratings: { n: number; sum: number; poor: number }): void {
  if (mode !== undefined || typeof score !== 'number' || !Number.isInteger(score) || score < 1 || score > 5) return
  ratings.n++
  ratings.sum += score
  if (score <= poor) ratings.poor++
}

/** Minute by minute, in charts of a day. */
async function* minutesOf(chart: NonNullable<ReportSources['chart']>, point: PointId, from: EpochMs, to: EpochMs): AsyncGenerator<ChartSlot> {
  for (let start = from; start < to; start += dayMs) yield* (await chart(point, start, Math.min(to, start + dayMs), slotsPerChart)).slots
}

/** When anything was known of points on different connections. */
async function watchedOf(month: Month, to: EpochMs, { points }: Facility, { chart }: ReportSources): Promise<readonly Span[] | null> {
  if (!chart) return null
  const byConnection = new Map([...points.values()].toReversed().map((point) => [point.connectionId, point.id]))
  const spans: Span[] = []
  for (const point of [...byConnection.values()].slice(0, witnesses)) for await (const { at, quality } of minutesOf(chart, point, month.from, to)) if (quality !== null) spans.push([at, Math.min(to, at + minuteMs)])
  return union(spans)
}

/** A device that was online the whole month tells nothing: its first point does. */
async function beginOf(device: string, from: EpochMs, to: EpochMs, { points }: Facility, { chart }: ReportSources, presence: Presence): Promise<void> {
  const point = [...points.values()].find(({ deviceId }) => deviceId === device)
  if (!chart || !point || to <= from) return
  const [slot] = (await chart(point.id, from, Math.min(to, from + 10 * minuteMs), 1)).slots
  if (slot && slot.quality !== null) presence.begin(device, slot.quality === 'bad' ? 'offline' : 'online', from)
}

function watchedFigures(month: Month, to: EpochMs, alive: readonly Span[], timezone: string): ReportFigures['watched'] {
  const days = daysOf(month, createZone(timezone)).filter((day) => day.from < to).map(({ name, from, to: end }) => ({ name, ms: Math.min(end, to) - from, known: total(intersect(alive, [[from, Math.min(end, to)]])) }))
  return {
    knownS: seconds(total(alive)), ofS: seconds(to - month.from), daysWithout: days.filter(({ known }) => known === 0).map(({ name }) => name),
    // A restart takes a minute or two.
    daysPartly: days.filter(({ known, ms }) => known > 0 && ms - known > 10 * minuteMs).map(({ name }) => name),
  }
}

function devicesOf({ devices }: Facility, presence: Presence, alive: readonly Span[]): ReportFigures['devices'] {
  const all = [...devices.keys()].map((device) => {
    const known = subtract(intersect(presence.known(device), alive), presence.worked(device))
    const [knownS, onlineS] = [seconds(total(known)), seconds(total(intersect(known, presence.online(device))))]
    return { device, knownS, onlineS, online: share(onlineS, knownS) }
  })
  const told = all.filter(({ knownS }) => knownS > 0)
  const sum = (of: (each: (typeof all)[number]) => number): number => told.reduce((whole, each) => whole + of(each), 0)
  return { count: all.length, known: told.length, online: share(sum(({ onlineS }) => onlineS), sum(({ knownS }) => knownS)), list: all.toSorted((a, b) => (a.online ?? 2) - (b.online ?? 2)).slice(0, listed) }
}

async function climateOf(month: Month, to: EpochMs, { decisions, facility, sources: { chart } }: ReportParts, presence: Presence): Promise<ReportFigures['climate']> {
  const { report, schedules, calendar } = decisions
  const plan = report.hours === undefined ? null : scheduleOf(report.hours, { timezone: facility.timezone, schedules, calendar })
  const service: Span[] = []
  for (let at = month.from; at < to;) {
    const end = plan ? Math.min(to, plan.nextChange(at)) : to
    if (!plan || plan.isOpen(at)) service.push([at, end])
    at = end
  }
  const result: ReportFigures['climate'][number][] = []
  for (const { point, min, max } of report.climate) {
    const asked = subtract(union(service), presence.worked(facility.points.get(point)?.deviceId ?? ''))
    const [known, within]: [Span[], Span[]] = [[], []]
    if (chart) {
      for await (const slot of minutesOf(chart, point, month.from, to)) {
        if (slot.mean === null || slot.quality === null || slot.quality === 'bad') continue
        const span: Span = [slot.at, slot.at + minuteMs]
        known.push(span)
        if (slot.mean >= (min ?? -Infinity) && slot.mean <= (max ?? Infinity)) within.push(span)
      }
    }
    const knownS = seconds(total(intersect(union(known), asked)))
    result.push({ point, ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }), serviceS: seconds(total(asked)), knownS, within: share(seconds(total(intersect(union(within), asked))), knownS) })
  }
  return result
}

async function energyOf(month: Month, to: EpochMs, { decisions: { report }, facility: { points }, sources: { chart } }: ReportParts): Promise<ReportFigures['energy']> {
  const asked = report.energy ?? [...points.values()].filter(({ unit, type }) => unit === energyUnit && type === 'number').map(({ id }) => id).slice(0, listed)
  const result: ReportFigures['energy'][number][] = []
  for (const point of asked) {
    const begin = month.from - energySlotMs
    const slots = chart && to > month.from ? (await chart(point, begin, to, Math.ceil((to - begin) / energySlotMs))).slots : []
    const { kWh, from, to: end, resets } = consumptionOf(slots)
    // What it said right before the month, and at its end: the month's own consumption, else a part of it.
    result.push({ point, kWh, from: from === null ? null : Math.min(to, from + energySlotMs), to: end === null ? null : Math.min(to, end + energySlotMs), resets, complete: resets === 0 && from === begin && end !== null && end + energySlotMs >= month.to })
  }
  return result
}
