import type { Alert, AlertDesk, AlertSummary, Backlog, Channels, ChannelStatus, Clock, EpochMs, Head, History, HistoryStatistics, Journal, JournalReader, JournalStatistics, Stream, TimeQuality, Uplink, UplinkStatus } from './contract/index.ts'
import type { ActionRunner } from './actions/index.ts'
import type { EventLogStatistics } from './event-log/index.ts'
import type { LiveValues } from './live.ts'
import type { Pipeline } from './pipeline.ts'
import type { Repeats } from './repeats.ts'
import type { ConnectionStatus, Supervisor } from './supervisor.ts'
import type { TelemetryBranch } from './telemetry.ts'
import type { TimeKeeper } from './time.ts'
import { version } from './version.ts'

/** `waiting`: those that want to be woken at some moment. `quarantined`: set aside until the next start, because they failed. */
export interface RulesStatus {
  readonly rules: number
  readonly waiting: number
  readonly quarantined: readonly { readonly id: string; readonly at: EpochMs; readonly code: string; readonly detail: string }[]
}

/** `day`: of the last 24 h; `raised` counts each time. */
export interface AlarmStatus extends AlertSummary { readonly chattering: number; readonly day: { readonly alerts: number; readonly raised: number; readonly peakPer10Min: number } }

/** The answer of `GET /status` and `linli status --json`. */
export interface GatewayStatus {
  readonly gateway: string
  readonly region: string
  /** IANA name. */
  readonly timezone: string
  readonly version: string
  readonly pid: number
  readonly startedAt: EpochMs
  readonly now: EpochMs
  readonly timeQuality: TimeQuality
  readonly epoch: string
  readonly rssMb: number
  readonly counters: Readonly<Record<'readings' | 'events' | 'alerts' | 'suppressed' | 'summarised' | 'repeated' | 'unmapped' | 'refused', number>>
  readonly journal: JournalStatistics & { readonly heads: Readonly<Record<Stream, Head>> }
  /** Null where the site file turns it off. */
  readonly history: HistoryStatistics | null
  /** Since the start; `running`: now. Null where no uplink takes commands. */
  readonly commands: Readonly<Record<'received' | 'accepted' | 'running' | 'done' | 'failed' | 'expired' | 'rejected' | 'repeated', number>> | null
  readonly rules: RulesStatus
  /** What rules wrote, published and told people. */
  readonly actions: ReturnType<ActionRunner['statistics']>
  /** Ways to people. */
  readonly channels: readonly ChannelStatus[]
  readonly connections: readonly ConnectionStatus[]
  readonly devices: readonly { readonly id: string; readonly name: { readonly zh: string; readonly en: string }; readonly state: string; readonly since: EpochMs | null; readonly reason?: string; readonly detail?: string }[]
  readonly uplinks: readonly (UplinkStatus & { readonly backlog: Readonly<Record<Stream, Backlog>> })[]
  readonly alerts: readonly Alert[]
  readonly alarms: AlarmStatus
  readonly eventLog: EventLogStatistics
}

interface StatusParts {
  readonly site: { readonly site: { readonly id: string; readonly region: string; readonly timezone: string } }
  readonly startedAt: EpochMs
  readonly clock: Clock
  readonly time: TimeKeeper
  readonly journal: Journal
  readonly readers: readonly JournalReader[]
  readonly live: LiveValues
  readonly desk: AlertDesk & { statistics(from: EpochMs, now: EpochMs): DayFigures }
  readonly eventLog: { statistics(): EventLogStatistics }
  readonly engine: { status(): RulesStatus }
  readonly actions: ActionRunner
  readonly pipeline: Pipeline
  readonly telemetry: TelemetryBranch
  readonly repeats: Repeats
  readonly supervisors: ReadonlyMap<string, Supervisor>
  readonly uplinks: readonly Uplink[]
  readonly history?: History | undefined
  readonly channels?: Channels | undefined
  readonly commands: { readonly counters: Omit<NonNullable<GatewayStatus['commands']>, 'running'>; readonly running: number } | null
}

interface DayFigures { readonly rules: readonly { readonly alerts: number; readonly raised: number }[]; readonly per10Min: { readonly peak: number }; readonly chattering: number }
const dayMs = 86_400_000

function alarmsOf(desk: StatusParts['desk'], now: EpochMs): AlarmStatus {
  const { rules, per10Min, chattering } = desk.statistics(now - dayMs, now)
  const sum = (name: 'alerts' | 'raised'): number => rules.reduce((total, figures) => total + figures[name], 0)
  return { ...desk.summary(now), chattering, day: { alerts: sum('alerts'), raised: sum('raised'), peakPer10Min: per10Min.peak } }
}

export function createStatus(parts: StatusParts): () => GatewayStatus {
  const { site, startedAt, clock, time, journal, readers, live, desk, engine, actions, pipeline, telemetry, repeats, supervisors, uplinks, history, channels, commands, eventLog } = parts
  return () => ({
    gateway: site.site.id, region: site.site.region, timezone: site.site.timezone, version, pid: process.pid, startedAt, now: clock.now(), timeQuality: time.quality, epoch: journal.epoch,
    rssMb: Math.round(process.memoryUsage.rss() / 1e5) / 10,
    counters: { ...pipeline.counters, suppressed: telemetry.suppressed, summarised: telemetry.summarised, repeated: repeats.dropped },
    journal: { ...journal.statistics(), heads: journal.heads() },
    history: history?.statistics() ?? null,
    commands: commands ? { ...commands.counters, running: commands.running } : null,
    rules: engine.status(),
    actions: actions.statistics(),
    channels: channels?.status() ?? [],
    connections: [...supervisors.values()].map((supervisor) => supervisor.status()),
    devices: [...live.devices.values()].map(({ id, name }) => {
      const state = live.device(id)
      return { id, name, state: state?.state ?? 'unknown', since: state?.at ?? null, ...(state?.reason ? { reason: state.reason } : {}), ...(state?.detail ? { detail: state.detail } : {}) }
    }),
    uplinks: uplinks.map((uplink, index) => ({ ...uplink.status(), backlog: readers[index]!.backlog() })),
    alerts: desk.open(),
    // Counted only for who reads it: the console asks for the rest each second.
    get alarms() { return alarmsOf(desk, clock.now()) },
    eventLog: eventLog.statistics(),
  })
}
