import { request } from 'node:http'
import { createInterface } from 'node:readline'
import type { IncomingMessage } from 'node:http'
import type { FeedItem } from '../feed.ts'
import { codeOf, DataError, ConfigError, DriverError } from '../kit/index.ts'
import type { Alert, ChangePlan, ChangeView, ChannelStatus, ChannelTrial, Chart, DoorView, EpochMs, GatewayEvent, HistoryEntry, HistorySpan, JsonObject, KioskView, Maintenance, Reading, Value } from '../contract/index.ts'
import type { GatewayStatus } from '../status.ts'
import type { AlertsView } from './alerts.ts'
import type { ReportAnswer, ReportPort } from './report.ts'
import type { AlarmsAnswer, ShiftReport, ShiftsAnswer } from '../console/api/index.ts'
import type { DeadLetterView } from './dead-letters.ts'
import type { RuleView } from './rules.ts'
import type { LogLine, LogsAnswer } from '../support/logs.ts'
import type { CheckUp } from '../support/findings.ts'
import type { Bundle } from '../support/bundle.ts'
import type { BundleLine } from './support.ts'

/** The CLI's side of the control socket. Throws ConfigError CONTROL_UNREACHABLE when no gateway runs there, CONTROL_FORBIDDEN when this user may not ask. */
export function controlClient(socket: string) {
  return {
    status: () => fetchJson<GatewayStatus>(socket, '/status'),
    doors: () => fetchJson<readonly DoorView[]>(socket, '/doors'),
    kiosks: () => fetchJson<readonly KioskView[]>(socket, '/kiosks'),
    rules: () => fetchJson<readonly RuleView[]>(socket, '/rules'),
    /** Throws RULE_UNKNOWN. */
    rule: (id: string) => fetchJson<JsonObject>(socket, `/rules/${encodeURIComponent(id)}`),
    readings: () => fetchJson<readonly Reading[]>(socket, '/readings'),
    /** Throws the gateway's own code and words. */
    chart: (point: string, from: EpochMs, to: EpochMs, points: number) => fetchJson<Chart>(socket, `/history?${new URLSearchParams({ point, from: `${from}`, to: `${to}`, points: `${points}` })}`),
    /** What can be drawn and replayed. Throws the gateway's own code and words. */
    historySpan: () => fetchJson<HistorySpan>(socket, '/history/span'),
    /** Every raw reading and tick of [from, to), in order of arrival. Throws CONTROL_UNREACHABLE when the gateway goes away meanwhile: half an answer is none. */
    async *replay(from: EpochMs, to: EpochMs, signal: AbortSignal): AsyncGenerator<HistoryEntry> {
      const response = await get(socket, `/history/raw?from=${from}&to=${to}`, signal)
      yield* entriesOf(response, socket, signal)
    },
    /** Resolves when the device has read it back. Throws the gateway's own code and words. */
    async write(point: string, value: Value, timeoutMs: number): Promise<void> {
      const { status, body } = await post(socket, '/write', { point, value, timeoutMs })
      const { code = 'CONTROL_REFUSED', message = `the gateway answered ${status}` } = body as { code?: string; message?: string }
      if (status !== 200) throw new DriverError(code, message)
    },
    /** The journal in its own layout, for a backup (store/copy.ts); one that is cut off lacks its end. Throws the gateway's own code and words. */
    async copy(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
      const response = await get(socket, '/journal/copy', signal)
      if (response.statusCode !== 200) throw await refusal(response)
      return response
    },
    channels: () => fetchJson<readonly ChannelStatus[]>(socket, '/notify'),
    /** One message marked TEST. Throws the gateway's own code and words. */
    async tryChannel(channel: string): Promise<ChannelTrial> {
      const { status, body } = await post(socket, '/notify', { channel })
      const { code = 'CONTROL_REFUSED', message = `the gateway answered ${status}` } = body as { code?: string; message?: string }
      if (status !== 200) throw new ConfigError(code, message)
      return body as ChannelTrial
    },
    alerts: () => fetchJson<AlertsView>(socket, '/alerts/all'),
    alert: (id: string) => fetchJson<Alert>(socket, `/alerts/${encodeURIComponent(id)}`),
    alertStatistics: (sinceMs: number) => fetchJson<unknown>(socket, `/alerts/stats?since=${sinceMs}`),
    /** Throws the gateway's own code and words. */
    async orderAlerts(order: object): Promise<unknown> {
      const { status, body } = await post(socket, '/alerts', order)
      const { code = 'CONTROL_REFUSED', message = `the gateway answered ${status}` } = body as { code?: string; message?: string }
      if (status !== 200) throw new DataError(code, message)
      return body
    },
    /** What happened in [from, to), the oldest first; no types: all. */
    async *events(from: EpochMs, to: EpochMs, types: readonly string[], signal: AbortSignal): AsyncGenerator<GatewayEvent> {
      const response = await get(socket, `/events?${new URLSearchParams({ from: `${from}`, to: `${to}`, types: types.join(',') })}`, signal)
      for await (const line of createInterface({ input: response })) yield JSON.parse(line) as GatewayEvent
    },
    /** Throws the gateway's own code and words. No month: the last one that is over. */
    alarms: (month: Parameters<ReportPort['alarms']>[0]) => fetchJson<AlarmsAnswer>(socket, `/report/alarms?${new URLSearchParams(typeof month === 'string' ? { month } : {})}`),
    shifts: (day: string | undefined) => fetchJson<ShiftsAnswer>(socket, `/report/shifts?${new URLSearchParams(day === undefined ? {} : { day })}`),
    shift: (id: string) => fetchJson<ShiftReport>(socket, `/report/shift?${new URLSearchParams({ id })}`),
    report: (month: string | undefined, fresh: boolean) => fetchJson<ReportAnswer>(socket, `/report?${new URLSearchParams({ ...(month === undefined ? {} : { month }), fresh: `${fresh}` })}`),
    maintenance: () => fetchJson<readonly Maintenance[]>(socket, '/maintenance'),
    /** Throws the gateway's own code and words. */
    async orderMaintenance(order: object): Promise<unknown> {
      const { status, body } = await post(socket, '/maintenance', order)
      const { code = 'CONTROL_REFUSED', message = `the gateway answered ${status}` } = body as { code?: string; message?: string }
      if (status !== 200) throw new ConfigError(code, message)
      return body
    },
    deadLetters: () => fetchJson<readonly DeadLetterView[]>(socket, '/dead-letters'),
    /** Returns how many were found. Throws the gateway's own code and words. */
    async orderDeadLetters(action: 'resend' | 'discard', ids: readonly string[] | 'all'): Promise<number> {
      const { status, body } = await post(socket, '/dead-letters', { action, ids })
      const { code = 'CONTROL_REFUSED', message = `the gateway answered ${status}`, done = 0 } = body as { code?: string; message?: string; done?: number }
      if (status !== 200) throw new DataError(code, message)
      return done
    },
    checkUp: () => fetchJson<CheckUp>(socket, '/check-up'),
    /** Throws the gateway's own code and words, and CONTROL_UNREACHABLE when it goes away meanwhile. */
    async supportBundle(events: number, progress: (share: number) => void): Promise<Bundle> {
      const response = await get(socket, `/support-bundle?events=${events}`)
      if (response.statusCode !== 200) throw await refusal(response)
      for await (const text of createInterface({ input: response })) {
        const line = JSON.parse(text) as BundleLine
        if ('share' in line) progress(line.share)
        else if ('code' in line) throw new DataError(line.code, line.message)
        else return { name: line.name, bytes: Buffer.from(line.content, 'base64') }
      }
      throw new ConfigError('CONTROL_UNREACHABLE', `the gateway on ${socket} went away while it answered; ask again`)
    },
    /** `level`, `room`, `text`, `limit`, `cursor`. Throws the gateway's own code and words. */
    logs: (query: Readonly<Record<string, string>>) => fetchJson<LogsAnswer>(socket, `/logs?${new URLSearchParams(query)}`),
    /** What is kept, then whatever comes. Throws the gateway's own code and words. */
    async *followLogs(query: Readonly<Record<string, string>>, signal: AbortSignal): AsyncGenerator<LogLine> {
      await fetchJson<LogsAnswer>(socket, `/logs?${new URLSearchParams({ ...query, limit: '0' })}`)
      const response = await get(socket, `/logs/follow?${new URLSearchParams(query)}`, signal)
      for await (const line of createInterface({ input: response })) yield JSON.parse(line) as LogLine
    },
    changes: () => fetchJson<ChangeView>(socket, '/configurations'),
    /** What the city is told of its wishes. Throws DESIRED_OFF. */
    desired: <T>() => fetchJson<T>(socket, '/desired'),
    /** Throws the gateway's own code and words. */
    configuration: async (number: number): Promise<string> => (await fetchJson<{ readonly text: string }>(socket, `/configurations/${number}`)).text,
    /** Throws the gateway's own code and words, for a site file that is wrong with `problems`. */
    async orderChange<T extends ChangePlan | ChangeView>(order: object): Promise<T> {
      const { status, body } = await post(socket, '/configurations', order)
      const { code = 'CONTROL_REFUSED', message = `the gateway answered ${status}`, problems } = body as { code?: string; message?: string; problems?: unknown }
      if (status !== 200) throw Object.assign(new ConfigError(code, message), problems === undefined ? {} : { problems })
      return body as T
    },
    async *tail(signal: AbortSignal): AsyncGenerator<FeedItem> {
      const response = await get(socket, '/tail', signal)
      for await (const line of createInterface({ input: response })) yield JSON.parse(line) as FeedItem
    },
  }
}

/** The last line of a torn answer is none, and neither is what stands before it. */
async function* entriesOf(response: IncomingMessage, socket: string, signal: AbortSignal): AsyncGenerator<HistoryEntry> {
  const cutOff = (cause?: unknown): ConfigError => new ConfigError('CONTROL_UNREACHABLE', `the gateway on ${socket} went away while it answered; ask again`, { cause })
  try {
    for await (const line of createInterface({ input: response })) yield JSON.parse(line) as HistoryEntry
  } catch (cause) {
    throw signal.aborted ? cause : cutOff(cause)
  }
  if (!response.complete && !signal.aborted) throw cutOff()
}

async function fetchJson<T>(socket: string, url: string): Promise<T> {
  const response = await get(socket, url)
  const text = await textOf(response)
  if (response.statusCode === 409) {
    const { code, message } = JSON.parse(text) as { code: string; message: string }
    throw new DataError(code, message)
  }
  if (response.statusCode !== 200) throw new DataError('CONTROL_REFUSED', `the gateway answered ${response.statusCode} to ${url}; are both sides of the same version?`)
  return JSON.parse(text) as T
}

async function post(socket: string, url: string, body: unknown): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await get(socket, url, undefined, JSON.stringify(body))
  return { status: response.statusCode ?? 0, body: JSON.parse(await textOf(response) || '{}') }
}

/** The gateway's own code and words, where it gave any. */
async function refusal(response: IncomingMessage): Promise<DataError> {
  const { code = 'CONTROL_REFUSED', message = `the gateway answered ${response.statusCode}; are both sides of the same version?` } = JSON.parse(await textOf(response) || '{}') as { code?: string; message?: string }
  return new DataError(code, message)
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function get(socketPath: string, path: string, signal?: AbortSignal, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, signal, ...(body === undefined ? {} : { method: 'POST' }) }, resolve)
      .on('error', (cause) => reject(unanswered(socketPath, cause)))
      .end(body)
  })
}

/** Somebody who may not ask is not told that nobody is there. */
function unanswered(socketPath: string, cause: Error): ConfigError {
  if (['EACCES', 'EPERM'].includes(codeOf(cause))) return new ConfigError('CONTROL_FORBIDDEN', `you are not allowed to open ${socketPath}; run it as the gateway's user, as a member of its group, or with sudo`, { cause })
  return new ConfigError('CONTROL_UNREACHABLE', `no gateway answers on ${socketPath}; start it (systemctl start linli, or linli run SITE.yaml), or name its site file or socket with --site or --socket`, { cause })
}
