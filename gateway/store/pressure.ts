import { streams as baseStreams, type BaseStream, type PerStream, type Selection, type Stream, type StreamStatistics } from '../contract/index.ts'
import type { Heads } from './heads.ts'
import { isLocal } from './keys.ts'
import type { Trim } from './opening.ts'
import { usedBytes, usedOf, type Placed, type Quotas } from './quota.ts'
import type { Rates } from './rates.ts'
import type { Place } from './reader.ts'

export interface PressureParts {
  readonly heads: Heads
  readonly trims: Readonly<PerStream<Trim>>
  readonly quotas: Quotas
  readonly selections: readonly Selection[]
  placesIn(stream: Stream): readonly (Place & Placed)[]
}

/** Share of the quota that waits, by the reader that lags least: what waits only for one that is gone is no reason to tell the others less. */
export function pressure(parts: PressureParts): number {
  const { maxBytes, streams: own } = parts.quotas
  const waiting = baseStreams.map((base) => [base, waitingIn(base, parts)] as const)
  const shares = waiting.map(([base, bytes]) => bytes / (own[base] ?? Infinity))
  return Math.max(...shares, waiting.reduce((sum, [, bytes]) => sum + bytes, 0) / maxBytes)
}

/** Bytes that the least lagging reader of a base stream, and of what is selected from it, has not settled; 0 where nobody reads it. */
function waitingIn(base: BaseStream, { heads, trims, selections, placesIn }: PressureParts): number {
  const lags = new Map<string, number>()
  for (const stream of [base, ...selections.filter(({ from }) => from === base).map((selection) => selection.stream)]) {
    for (const { name, bytes } of placesIn(stream)) if (!isLocal({ name })) lags.set(name, (lags.get(name) ?? 0) + Math.max(0, heads[stream]!.bytes - Math.max(bytes, trims[stream]!.bytes)))
  }
  return lags.size === 0 ? 0 : Math.min(...lags.values())
}

/** How long each stream's room lasts as fast as it grows now; null where it does not grow. */
export function roomOf(streams: readonly Stream[], { heads, trims, quotas }: Pick<PressureParts, 'heads' | 'trims' | 'quotas'>, rates: Rates): Readonly<Record<Stream, StreamStatistics>> {
  const total = streams.reduce((sum, stream) => sum + rates.perSecond(heads, stream), 0)
  const untilFull = total > 0 ? (quotas.maxBytes - usedBytes(heads, trims)) / total : Infinity
  return Object.fromEntries(streams.map((stream) => {
    const used = usedOf(heads, trims, stream)
    const rate = rates.perSecond(heads, stream)
    const seconds = Math.min(((quotas.streams[stream] ?? Infinity) - used) / rate, untilFull)
    return [stream, {
      records: heads[stream]!.records - trims[stream]!.records, bytes: used, bytesPerSecond: Math.round(rate * 10) / 10,
      roomMs: rate > 0 && Number.isFinite(seconds) ? Math.max(0, Math.round(seconds * 1_000)) : null,
    }]
  }))
}
