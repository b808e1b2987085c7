import type { Clock } from '../contract/index.ts'
import type { GatewayStatus } from '../status.ts'
import type { LinkAnswer } from './api/index.ts'

const sampleMs = 5_000
const windowMs = 60_000
interface Sample { readonly at: number; readonly acked: number; readonly waiting: number }

/** How fast each uplink drains: a minute of samples, taken while the console is on. */
export class DrainPace {
  readonly #samples = new Map<string, Sample[]>()
  readonly #clock: Clock
  constructor(clock: Clock) { this.#clock = clock }

  /** Once a second. */
  sample(uplinks: GatewayStatus['uplinks']): void {
    const at = this.#clock.monotonic()
    for (const uplink of uplinks) {
      const samples = this.#samples.get(uplink.id) ?? []
      this.#samples.set(uplink.id, samples)
      if (at - (samples.at(-1)?.at ?? -Infinity) < sampleMs) continue
      samples.push({ at, acked: uplink.acked, waiting: waitingOf(uplink) })
      while (samples.length > 1 && at - samples[0]!.at > windowMs) samples.shift()
    }
  }

  /** Records a second, and until nothing waits: by how the backlog shrinks, not by what is sent, as new records come meanwhile. */
  of(uplink: GatewayStatus['uplinks'][number]): { readonly perSecond: number; readonly drainMs: number | null } {
    const first = this.#samples.get(uplink.id)?.[0]
    const [now, waiting] = [this.#clock.monotonic(), waitingOf(uplink)]
    const seconds = first ? (now - first.at) / 1_000 : 0
    const perSecond = first && seconds > 0 ? Math.max(0, (uplink.acked - first.acked) / seconds) : 0
    if (waiting === 0) return { perSecond, drainMs: 0 }
    const shrinks = first && seconds > 0 ? (first.waiting - waiting) / seconds : 0
    return { perSecond, drainMs: uplink.state === 'online' && shrinks > 0 ? Math.round(waiting / shrinks * 1_000) : null }
  }
}

const waitingOf = ({ backlog }: GatewayStatus['uplinks'][number]): number => Object.values(backlog).reduce((sum, { records }) => sum + records, 0)

export function linkAnswer({ now, uplinks, journal }: GatewayStatus, pace: DrainPace, checkpointAt: number | null): LinkAnswer {
  return {
    now,
    uplinks: uplinks.map((uplink) => ({ ...uplink, backlog: Object.fromEntries(Object.entries(uplink.backlog).map(([stream, each]) => [stream, { ...each }])), ...pace.of(uplink) }) as LinkAnswer['uplinks'][number]),
    streams: Object.fromEntries(Object.entries(journal.streams).map(([stream, each]) => [stream, { ...each }])),
    fill: journal.fill, deadLetters: journal.deadLetters, gaps: journal.gaps, checkpoint: checkpointAt === null ? null : { at: checkpointAt },
  }
}
