import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { AlertSummary, Reading } from '../contract/index.ts'
import type { GatewayStatus } from '../status.ts'

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

const resolutionMs = 20

/** Prometheus text exposition 0.0.4. */
export class Metrics implements Disposable {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs })
  constructor() { this.#delay.enable() }
  [Symbol.dispose](): void { this.#delay.disable() }
  /** The histogram holds the whole wait between two ticks of its timer. */
  #lateS(percentile: number): number { return Math.max(0, this.#delay.percentile(percentile) / 1e9 - resolutionMs / 1e3) }

  text(status: GatewayStatus, summary: AlertSummary, readings: Iterable<Reading>, clients: number): string {
    const { counters, journal, uplinks, connections, devices, rules, commands, channels } = status
    const bad = count([...readings].filter(({ quality }) => quality === 'bad').map(({ reason }) => reason ?? 'UNKNOWN'))
    const text = [
      metric('linli_info', 'gauge', 'version and identity', [[{ version: status.version, gateway: status.gateway, region: status.region, epoch: status.epoch }, 1]]),
      metric('linli_start_time_seconds', 'gauge', 'when it started', [[{}, status.startedAt / 1_000]]),
      metric('linli_time_synced', 'gauge', '1 while the clock is known to be set', [[{}, status.timeQuality === 'synced' ? 1 : 0]]),
      metric('linli_resident_bytes', 'gauge', 'resident memory', [[{}, process.memoryUsage.rss()]]),
      metric('linli_event_loop_delay_seconds', 'gauge', 'delay of the event loop since the last scrape', [[{ quantile: '0.5' }, this.#lateS(50)], [{ quantile: '0.99' }, this.#lateS(99)]]),
      metric('linli_readings_total', 'counter', 'readings taken in', [[{}, counters.readings]]),
      metric('linli_events_total', 'counter', 'events recorded', [[{}, counters.events]]),
      metric('linli_left_out_total', 'counter', 'readings and repeats that were counted and not recorded, by why', (['suppressed', 'summarised', 'repeated', 'unmapped', 'refused'] as const).map((why) => [{ why }, counters[why]])),
      metric('linli_points_bad', 'gauge', 'points without a value now, by error code', bad.map(([code, value]) => [{ code }, value])),
      metric('linli_devices', 'gauge', 'devices by state', count(devices.map(({ state }) => state)).map(([state, value]) => [{ state }, value])),
      metric('linli_device_errors', 'gauge', 'devices that are not well, by error code', count(devices.flatMap(({ state, reason }) => (state !== 'online' && reason ? [reason] : []))).map(([code, value]) => [{ code }, value])),
      metric('linli_connection_up', 'gauge', '1 while the bus or socket is up', connections.map(({ id, driver, state }) => [{ connection: id, driver }, state === 'online' ? 1 : 0])),
      metric('linli_connection_statistic', 'gauge', 'figures of the driver: requests, errors, load', connections.flatMap(({ id, statistics }) => Object.entries(statistics).map(([name, value]): Sample => [{ connection: id, name }, value]))),
      metric('linli_alerts_open', 'gauge', 'open alerts by severity', ([1, 2, 3, 4] as const).map((severity) => [{ severity: `${severity}` }, summary.open[severity]])),
      metric('linli_alerts_waiting', 'gauge', 'open alerts that nobody has acknowledged', [[{}, summary.waiting]]),
      metric('linli_alerts_shelved', 'gauge', 'shelved alerts', [[{}, summary.shelved]]),
      metric('linli_rules_quarantined', 'gauge', 'rules set aside because they failed', [[{}, rules.quarantined.length]]),
      metric('linli_journal_commits_total', 'counter', 'batches written with fsync', [[{}, journal.commits]]),
      metric('linli_journal_bytes_written_total', 'counter', 'bytes written', [[{}, journal.bytesWritten]]),
      metric('linli_journal_fsync_seconds', 'gauge', 'time of a commit', [[{ quantile: '0.5' }, journal.fsyncMsP50 / 1_000], [{ quantile: '0.99' }, journal.fsyncMsP99 / 1_000]]),
      metric('linli_journal_fill_ratio', 'gauge', 'share of the quota in use', [[{}, journal.fill]]),
      metric('linli_journal_gaps_total', 'counter', 'declared gaps', [[{}, journal.gaps]]),
      metric('linli_journal_dead_letters', 'gauge', 'records that a city refused', [[{}, journal.deadLetters]]),
      metric('linli_stream_records', 'gauge', 'records on disk', Object.entries(journal.streams).map(([stream, { records }]) => [{ stream }, records])),
      metric('linli_stream_bytes', 'gauge', 'bytes on disk', Object.entries(journal.streams).map(([stream, { bytes }]) => [{ stream }, bytes])),
      metric('linli_uplink_up', 'gauge', '1 while the city is connected', uplinks.map(({ id, state }) => [{ uplink: id }, state === 'online' ? 1 : 0])),
      metric('linli_uplink_acked_total', 'counter', 'records that the city acknowledged', uplinks.map(({ id, acked }) => [{ uplink: id }, acked])),
      metric('linli_uplink_rejected_total', 'counter', 'records that the city refused', uplinks.map(({ id, rejected }) => [{ uplink: id }, rejected])),
      metric('linli_outbox_records', 'gauge', 'records that wait for the city', uplinks.flatMap(({ id, backlog }) => Object.entries(backlog).map(([stream, { records }]): Sample => [{ uplink: id, stream }, records]))),
      metric('linli_outbox_bytes', 'gauge', 'bytes that wait for the city', uplinks.flatMap(({ id, backlog }) => Object.entries(backlog).map(([stream, { bytes }]): Sample => [{ uplink: id, stream }, bytes]))),
      metric('linli_channel_undelivered_total', 'counter', 'alert events that reached nobody', channels.map(({ id, undelivered }) => [{ channel: id }, undelivered])),
      metric('linli_commands_total', 'counter', 'commands of the city by outcome', commands ? (['done', 'failed', 'expired', 'rejected', 'repeated'] as const).map((outcome) => [{ outcome }, commands[outcome]]) : []),
      metric('linli_console_streams', 'gauge', 'open pages', [[{}, clients]]),
    ].join('')
    this.#delay.reset()
    return text
  }
}

function metric(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  const lines = samples.map(([labels, value]) => {
    const inner = Object.entries(labels).map(([key, text]) => `${key}="${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`).join(',')
    return `${name}${inner === '' ? '' : `{${inner}}`} ${Number.isFinite(value) ? value : 'NaN'}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

const count = (words: readonly string[]): readonly (readonly [string, number])[] => [...Map.groupBy(words, (word) => word)].map(([word, list]) => [word, list.length] as const)
