import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import type { ChangePort, Channels, EventLog, History, Journal, PointWriter, Value } from '../contract/index.ts'
import { codeOf, ConfigError, describe, type Logger } from '../kit/index.ts'
import type { Feed } from '../feed.ts'
import type { LiveValues } from '../live.ts'
import type { GatewayStatus } from '../status.ts'
import { answerAlerts, orderAlerts, type AlertControl } from './alerts.ts'
import { answerChange } from './change.ts'
import { answerCopy } from './copy.ts'
import { listDeadLetters, orderDeadLetters } from './dead-letters.ts'
import { answerEvents } from './events.ts'
import { answerFacility, type FacilityPort } from './facility.ts'
import { answerHistory } from './history.ts'
import { orderMaintenance, type MaintenanceControl } from './maintenance.ts'
import { answerReport, type ReportPort } from './report.ts'
import { tryChannel } from './notify.ts'
import { answerLogs } from './logs.ts'
import { answerBundle } from './support.ts'
import type { MakeBundle } from '../support/bundle-job.ts'
import type { LogsPort } from '../support/logs.ts'
import type { CheckUp } from '../support/findings.ts'
import { answerRules, type RulesControl } from './rules.ts'

export interface ControlParts {
  readonly socket: string
  status(): GatewayStatus
  readonly live: LiveValues
  readonly writer: PointWriter
  readonly alerts: AlertControl
  readonly facility: FacilityPort
  readonly maintenance: MaintenanceControl
  readonly reports: ReportPort
  readonly rules: RulesControl
  readonly journal: Pick<Journal, 'deadLetters' | 'entries'>
  readonly feed: Feed
  /** Absent where the site file turns it off. */
  readonly history?: History | undefined
  readonly eventLog: Pick<EventLog, 'read'>
  /** Absent where there are none. */
  readonly channels?: Channels | undefined
  readonly logs: LogsPort
  checkUp(): Promise<CheckUp>
  readonly bundle: MakeBundle
  /** Absent where nobody could put another gateway in its place. */
  readonly changes?: ChangePort | undefined
  /** What the city is told of its wishes; absent where it has none. */
  readonly desired?: { reported(): object } | undefined
  readonly log: Logger
}

/** A listener that does not read is cut off here rather than buffered for. */
const maxBufferedBytes = 1 << 20

/**
 * HTTP over a Unix socket (0660): GET /status, /readings, /doors, /kiosks, /alerts, /rules, /rules/ID, /history?point=&from=&to=&points=, /history/raw?from=&to= and /events?from=&to=&types= (one JSON object a line), /report?month=, /dead-letters, /journal/copy, /logs?level=&room=&text=&limit=&cursor=, /logs/follow, /check-up, /support-bundle?events= and /tail (one JSON object a line, live), /notify, /maintenance, /configurations, /configurations/N, /desired, and POST /write, /alerts, /dead-letters, /notify, /maintenance, /configurations. Throws
 * ConfigError CONTROL_IN_USE when another gateway answers there; a socket file left by a killed one is replaced.
 */
export async function serveControl(parts: ControlParts): Promise<AsyncDisposable> {
  const { socket, log } = parts
  await mkdir(path.dirname(socket), { recursive: true })
  if (await answers(socket)) throw new ConfigError('CONTROL_IN_USE', `another gateway answers on ${socket}; stop it first, or set control.socket to another path`)
  await rm(socket, { force: true })
  const server = createServer((request, response) => route(parts, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new ConfigError('CONTROL_UNUSABLE', `cannot listen on ${socket}; check that its folder is writable and the path is shorter than 108 bytes`, { cause })))
    server.listen(socket, resolve)
  })
  await chmod(socket, 0o660)
  log.debug({ socket }, 'control socket open')
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function route(parts: ControlParts, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'POST' && request.url === '/write') { void write(parts, request, response); return }
  if (request.method === 'POST' && request.url === '/dead-letters') { void bodyOf(request).then((body) => orderDeadLetters(parts.journal.deadLetters, body, response), (error: unknown) => json(response, 409, { code: codeOf(error), message: describe(error) })); return }
  if (request.method === 'POST' && request.url === '/notify') { void bodyOf(request).then((body) => tryChannel(parts.channels, body, response), (error: unknown) => json(response, 409, { code: codeOf(error), message: describe(error) })); return }
  if (request.method === 'POST' && request.url === '/alerts') { void bodyOf(request).then((body) => orderAlerts(parts.alerts, body, response), (error: unknown) => json(response, 409, { code: codeOf(error), message: describe(error) })); return }
  if (request.method === 'POST' && request.url === '/maintenance') { void bodyOf(request).then((body) => orderMaintenance(parts.maintenance, body, response), (error: unknown) => json(response, 409, { code: codeOf(error), message: describe(error) })); return }
  if (answerChange(parts.changes, request, response)) return
  if (request.method !== 'GET') return json(response, 405, { error: 'only GET, and POST /write, /alerts, /dead-letters, /notify, /maintenance and /configurations' })
  if (request.url?.startsWith('/alerts/')) return answerAlerts(parts.alerts, request.url, response)
  if (answerFacility(parts.facility, request.url, response)) return
  if (request.url?.startsWith('/events?')) { void answerEvents(parts.eventLog, request.url, response); return }
  if (request.url === '/rules' || request.url?.startsWith('/rules/')) return answerRules(parts.rules, request.url, response)
  if (request.url?.startsWith('/report')) { void answerReport(parts.reports, request.url, response); return }
  if (request.url?.startsWith('/support-bundle')) { void answerBundle(parts.bundle, request.url, response); return }
  if (request.url?.startsWith('/logs')) { void answerLogs(parts.logs, request.url, response); return }
  if (request.url?.startsWith('/history')) { void answerHistory(parts.history, request.url, response); return }
  switch (request.url) {
    case '/status': return json(response, 200, parts.status())
    case '/readings': return json(response, 200, [...parts.live.readings()])
    case '/maintenance': return json(response, 200, parts.maintenance.modes.list())
    case '/notify': return json(response, 200, parts.channels?.status() ?? [])
    case '/alerts': return json(response, 200, parts.alerts.desk.open())
    case '/dead-letters': return void listDeadLetters(parts.journal.deadLetters, undefined).then((page) => json(response, 200, page), (error: unknown) => json(response, 409, { code: codeOf(error), message: describe(error) }))
    case '/journal/copy': return void answerCopy(parts.journal, response)
    case '/check-up': return void parts.checkUp().then((found) => json(response, 200, found), (error: unknown) => json(response, 409, { code: codeOf(error), message: describe(error) }))
    case '/desired': return parts.desired ? json(response, 200, parts.desired.reported()) : json(response, 409, { code: 'DESIRED_OFF', message: 'no uplink of this gateway takes configurations; add configuration: { keys: [...] } to one of them' })
    case '/tail': return tail(parts.feed, response)
    default: return json(response, 404, { error: 'no such resource' })
  }
}

const maxBodyBytes = 4_096
const longestWriteMs = 60_000

/** `{ point, value, timeoutMs }` in; 200 `{}` when it was read back, 409 `{ code, message }` when not. */
async function write({ writer, log }: ControlParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { point, value, timeoutMs } = writeOrder(await bodyOf(request))
    log.info({ point, value }, 'write ordered on the control socket')
    await writer.write(point, value, AbortSignal.timeout(timeoutMs), { actor: 'local', origin: 'site' })
    json(response, 200, {})
  } catch (error) {
    json(response, 409, { code: codeOf(error), message: describe(error) })
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > maxBodyBytes) break
    chunks.push(chunk)
  }
  try { return JSON.parse(Buffer.concat(chunks).toString()) } catch (cause) { throw new ConfigError('CONTROL_REFUSED', 'the order is not JSON, or longer than 4 kB', { cause }) }
}

function writeOrder(body: unknown): { readonly point: string; readonly value: Value; readonly timeoutMs: number } {
  const { point, value, timeoutMs = 10_000 } = (body ?? {}) as { point?: unknown; value?: unknown; timeoutMs?: unknown }
  if (typeof point !== 'string' || !['boolean', 'number', 'string'].includes(typeof value) || typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= longestWriteMs)) throw new ConfigError('CONTROL_REFUSED', 'an order needs point, value (true, false, a number or a text) and at most 60 s')
  return { point, value: value as Value, timeoutMs }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function tail(feed: Feed, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders()
  const stop = feed.subscribe((item) => {
    if (response.writableLength > maxBufferedBytes) response.destroy()
    else response.write(`${JSON.stringify(item)}\n`)
  })
  response.on('close', stop)
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket)
    probe.on('connect', () => { probe.destroy(); resolve(true) })
    probe.on('error', () => resolve(false))
  })
}
