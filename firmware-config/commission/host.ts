import type { Backlog, Clock, EpochMs, Reading, Stream } from '../../gateway/contract/index.ts'
import type { CheckResult } from './report.ts'

/** What a commissioning needs of the running gateway: lent in its process, or over its control socket. */
export interface CommissionHost {
  /** The last reading of every point. */
  readings(): Promise<Iterable<Reading>>
  /** What returns ends it. */
  listen(heard: (reading: Reading) => void): () => void
  telemetry(): Promise<TelemetryState>
}

/** The last record of telemetry, and up to which one each city that is reached has it. */
export interface TelemetryState {
  readonly head: { readonly epoch: string; readonly seq: number } | null
  readonly cities: readonly { readonly id: string; readonly seq: number }[]
}

interface StatusLike {
  readonly journal: { readonly heads: Readonly<Record<Stream, { readonly epoch: string; readonly seq: number }>> }
  readonly uplinks: readonly { readonly id: string; readonly state: string; readonly backlog: Readonly<Record<Stream, Backlog>> }[]
}

export function telemetryOf({ journal: { heads }, uplinks }: StatusLike): TelemetryState {
  const head = heads.telemetry
  if (!head || head.seq === 0) return { head: null, cities: [] }
  // A backlog is what lies between the settled place and the head.
  return { head: { epoch: head.epoch, seq: head.seq }, cities: uplinks.flatMap(({ id, state, backlog }) => (state === 'online' && backlog.telemetry ? [{ id, seq: head.seq - backlog.telemetry.records }] : [])) }
}

/** How long the city is waited for; telemetry goes up at the latest by then. */
const receiptMs = 10_000
const lookMs = 100
/** A reading is on its way to the disk for some hundredths of a second. */
const settledMs = 200

/** The record with which telemetry, as it stood when the change was seen, was complete at the city. Null: it did not have it in time. */
export async function receiptOf(host: Pick<CommissionHost, 'telemetry'>, receivedAt: EpochMs, clock: Clock, signal: AbortSignal): Promise<NonNullable<CheckResult['receipt']> | null> {
  const from = clock.monotonic()
  let target: TelemetryState['head'] = null
  while (!signal.aborted && clock.monotonic() - from < receiptMs) {
    const { head, cities } = await host.telemetry()
    if (clock.monotonic() - from > settledMs) target ??= head
    const city = target && head?.epoch === target.epoch ? cities.find(({ seq }) => seq >= target!.seq) : undefined
    if (target && city) return { uplink: city.id, stream: 'telemetry', epoch: target.epoch, seq: target.seq, afterMs: Math.max(0, clock.now() - receivedAt) }
    await clock.sleep(lookMs, signal).catch(() => {})
  }
  return null
}
