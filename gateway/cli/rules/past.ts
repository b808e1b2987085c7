import path from 'node:path'
import { readCapture, type CapturedPast } from '../../../cloud-sync/verify/capture-inputs.ts'
import { openRaw } from '../../history/index.ts'
import { controlClient } from '../../control/client.ts'
import type { EpochMs, HistoryEntry, PointId } from '../../contract/index.ts'
import { codeOf, ConfigError } from '../../kit/index.ts'
import type { Site } from '../rooms.ts'
import { lengthText } from './words.ts'

/** Where the past is read from. */
export interface Past {
  /** In words, for the first line of the answer. */
  readonly source: string
  /** What can be replayed. */
  readonly from: EpochMs
  readonly to: EpochMs
  /** Where there is more than one stretch that can be replayed, all of them, in order; `from` and `to` are the last. */
  readonly spans?: readonly { readonly from: EpochMs; readonly to: EpochMs }[]
  /** Not every reading, or not when it came: the answer is near, not exact. Why, and by how much. */
  readonly approximate?: readonly string[]
  replay(from: EpochMs, to: EpochMs, signal: AbortSignal): AsyncIterable<HistoryEntry>
}

/** Of the running gateway, or of its folder where none runs; or a capture of what went to the city. Throws ConfigError BACKTEST_NO_HISTORY. */
export async function openPast(site: Site, watched: ReadonlySet<PointId>, { capture, socket = site.control.socket }: { readonly capture?: string; readonly socket?: string }): Promise<Past> {
  if (capture !== undefined) return captured(capture, site, watched)
  const client = controlClient(socket)
  try {
    const { raw, to } = await client.historySpan()
    return { source: `the running gateway (${socket})`, ...spanOf(raw === null ? null : { from: raw, to }, site), replay: (...asked) => client.replay(...asked) }
  } catch (error) {
    if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error
  }
  const folder = path.join(site.store.path, 'history')
  const raw = await openRaw(folder)
  return { source: folder, ...spanOf(raw?.span ?? null, site), replay: (from, to) => raw!.replay(from, to) }
}

function spanOf(span: { readonly from: EpochMs; readonly to: EpochMs } | null, site: Site): { readonly from: EpochMs; readonly to: EpochMs } {
  if (span && span.to > span.from) return span
  throw new ConfigError('BACKTEST_NO_HISTORY', `there is no raw history of ${site.site.id} in ${path.join(site.store.path, 'history')}; let the gateway run for a while with history.enabled, or give --capture FILE`)
}

async function captured(file: string, site: Site, watched: ReadonlySet<PointId>): Promise<Past> {
  const past = await readCapture(file, site.site.id)
  const { inputs, stretches } = past
  if (inputs.length === 0) throw new ConfigError('BACKTEST_NO_HISTORY', `${file} holds nothing of the gateway "${site.site.id}"; the site file's site.id must be the one that was captured`)
  const spans = stretches.map(([from, to]) => ({ from, to: to + 1 }))
  return {
    source: file, ...spans.at(-1)!, spans, approximate: differences(past, site, watched),
    async *replay(since, until) { for (const { at, input } of inputs) if (at >= since && at < until) yield input },
  }
}

/** Why what a capture gives may differ from what the gateway did, and by how much. The history of the gateway has none of it. */
function differences({ thinned, clockSteps }: CapturedPast, { connections }: Site, watched: ReadonlySet<PointId>): readonly string[] {
  const points = connections.flatMap(({ devices }) => devices.flatMap((device) => device.points)).filter(({ id }) => watched.has(id))
  const banded = points.filter(({ deadband }) => deadband > 0).map(({ id, deadband }) => `${id} by less than ${deadband}`)
  const thin = points.flatMap(({ id }) => { const of = thinned.get(id); return of ? [`${id} (${of.readings} readings, up to ${Number(of.band.toPrecision(3))} apart)`] : [] })
  const heartbeats = points.map(({ heartbeatMs }) => heartbeatMs)
  return [
    'times of arrival are told to the second, and not at all of cards, sessions, requests and ratings: waits may begin up to 1 s off, and what came within a second may be in another order',
    ...(banded.length > 0 ? [`a value may have moved from what is replayed without going up: ${few(banded)} (deadband)`] : []),
    ...(heartbeats.length > 0 ? [`a value that came again unchanged went up only every ${[...new Set([Math.min(...heartbeats), Math.max(...heartbeats)].map(lengthText))].join(' to ')}: count and sum find fewer, stale may find silence that was none`] : []),
    ...(thin.length > 0 ? [`readings were thinned to the last of a minute or quarter of an hour: ${few(thin)}`] : []),
    ...(clockSteps > 0 ? [`the gateway's clock was set ${clockSteps === 1 ? 'once' : `${clockSteps} times`}; what came around it may be in another order`] : []),
  ]
}

const few = (list: readonly string[]): string => `${list.slice(0, 10).join(', ')}${list.length > 10 ? ` and ${list.length - 10} more` : ''}`
