import { controlClient } from '../control/client.ts'
import type { GatewayStatus } from '../status.ts'
import { severityWords } from '../kit/severity-words.ts'
import { channelLine } from './notify.ts'
import { paint, print, printJson, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

export async function status(options: SocketOptions & { readonly json?: boolean }): Promise<void> {
  const answer = await controlClient(await socketPath(options)).status()
  if (options.json) return printJson(answer)
  print(renderStatus(answer))
}

const mark = (state: string): string => (state === 'online' ? paint('green', state) : paint('yellow', state))

/** `3 d 4 h`, `5 h 20 min`, `12 min`. */
export function span(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24]
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`
}

/** The text of `linli status`. */
export function renderStatus(answer: GatewayStatus): string {
  const { counters, journal, commands } = answer
  const upFor = Math.round((answer.now - answer.startedAt) / 1_000)
  const blocks = [
    `${paint('bold', answer.gateway)}  region ${answer.region}  version ${answer.version}  up ${upFor} s  ${answer.rssMb} MB  time ${answer.timeQuality}  epoch ${answer.epoch}`,
    `readings ${counters.readings}  events ${counters.events}  alerts ${counters.alerts}  held back ${counters.suppressed}  repeated ${counters.repeated}  refused ${counters.refused}`,
    `journal: ${journal.records} records in ${journal.commits} commits, fsync p50 ${journal.fsyncMsP50} ms p99 ${journal.fsyncMsP99} ms, ${Math.round(journal.fill * 100)} % full, ${journal.gaps} gaps, ${journal.deadLetters} dead letters\n  room at the present rate: ${Object.entries(journal.streams).map(([stream, { roomMs }]) => `${stream} ${roomMs === null ? '–' : span(roomMs)}`).join('  ')}`,
    `${historyLine(answer)}\n${eventLogLine(answer)}`,
    table([['CONNECTION', 'DRIVER', 'STATE', 'WHY'], ...answer.connections.map((item) => [item.id, item.driver, mark(item.state), item.state === 'online' ? '' : item.lastErrorDetail ?? ''])]),
    table([['DEVICE', 'NAME', 'STATE', 'WHY'], ...answer.devices.map((item) => [item.id, item.name.zh, mark(item.state), item.detail ?? item.reason ?? ''])]),
    ...answer.uplinks.map((uplink) => uplinkLines(uplink, answer.now).join('\n  ')),
    ...(commands ? [`commands: ${(['accepted', 'done', 'failed', 'expired', 'rejected', 'running'] as const).map((state) => `${state} ${commands[state]}`).join('  ')}`] : []),
    ...rulesLines(answer),
    ...(answer.channels.length > 0 ? [answer.channels.map(channelLine).join('\n')] : []),
    alarmLine(answer),
    renderAlarms(answer.alerts),
  ]
  return blocks.join('\n\n')
}

function rulesLines({ rules: { rules, waiting, quarantined }, actions }: GatewayStatus): readonly string[] {
  if (rules === 0) return []
  const acted = ([['written', 'written'], ['failed', 'failed'], ['limited', 'too often'], ['published', 'published'], ['notices', 'notices']] as const).flatMap(([name, word]) => (actions[name] > 0 ? [`${word} ${actions[name]}`] : []))
  return [[
    `rules: ${rules}, ${waiting} waiting${acted.map((text) => `  ${text}`).join('')}`,
    ...quarantined.map(({ id, code, detail }) => paint('red', `rule ${id} failed and is set aside: ${detail} (${code})`)),
  ].join('\n  ')]
}

function historyLine({ history, now }: GatewayStatus): string {
  if (!history) return 'history: off'
  const { oldest, bytes, maxBytes, lost, damaged, paused } = history
  const back = (from: number | null): string => (from === null ? '–' : span(Math.max(0, now - from)))
  const troubles = [...(lost > 0 ? [`${lost} readings lost`] : []), ...(damaged > 0 ? [`${damaged} files damaged`] : []), ...(paused ? ['paused: the disk is failing or full'] : [])]
  return `history: minutes of ${back(oldest.minutes)}, every reading of ${back(oldest.raw)}, ${megabytes(bytes)} of ${megabytes(maxBytes)} MB${troubles.map((trouble) => paint('yellow', `, ${trouble}`)).join('')}`
}

function eventLogLine({ eventLog: { recorded, lost, damaged, bytes, maxBytes, oldest, paused } }: GatewayStatus): string {
  const troubles = [...(lost > 0 ? [`${lost} lost`] : []), ...(damaged > 0 ? [`${damaged} lines damaged`] : []), ...(paused ? ['paused: the disk is failing or full'] : [])]
  return `event log: ${oldest === null ? 'nothing yet' : `from ${day(oldest)}`}, ${recorded} written since the start, ${megabytes(bytes)} of ${megabytes(maxBytes)} MB${troubles.map((trouble) => paint('yellow', `, ${trouble}`)).join('')}`
}

const severities = [1, 2, 3, 4] as const

/** One line of figures; `linli alerts stats` has more. */
function alarmLine({ alarms: { open, waiting, shelved, suppressed, standing, chattering, flood, day: { alerts, raised, peakPer10Min } } }: GatewayStatus): string {
  const bySeverity = severities.flatMap((severity) => (open[severity] > 0 ? [`${open[severity]} ${severityWords[severity].zh} ${severityWords[severity].en}`] : []))
  const others = ([[shelved, 'shelved'], [suppressed, 'explained by another'], [standing, 'for more than a day'], [chattering, 'chattering']] as const).flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : []))
  return [
    `alarms: ${bySeverity.length === 0 ? '0 open' : `${bySeverity.join(', ')} open, ${waiting} waiting`}${others.map((text) => `, ${text}`).join('')}; in 24 h ${alerts} alerts raised ${raised} times, at most ${peakPer10Min} in 10 min`,
    ...(flood ? [paint('red', `报警过多 / flood: ${flood.count} new since ${new Date(flood.since).toISOString()}`)] : []),
  ].join('\n  ')
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)

function uplinkLines({ id, state, protocol, acked, inFlight, rejected, lastError, backlog, confirmations, certificate }: GatewayStatus['uplinks'][number], now: number): readonly string[] {
  return [
    `uplink ${id}: ${mark(state)}  MQTT ${protocol === 5 ? '5' : protocol === 4 ? '3.1.1' : '-'}  acked ${acked}  in flight ${inFlight}  refused ${rejected}${state === 'online' || !lastError ? '' : `  ${lastError}`}`,
    `waiting: ${Object.entries(backlog).map(([stream, { records }]) => `${stream} ${records}`).join('  ')}`,
    ...(confirmations ? [`for the platform's word: ${confirmations.waiting}${confirmations.oldestAt === null ? '' : `, the oldest of ${span(Math.max(0, now - confirmations.oldestAt))} ago`}  confirmed ${confirmations.confirmed}`] : []),
    ...(certificate ? [certificateLine(certificate, now)] : []),
  ]
}

const weekMs = 7 * 86_400_000

function certificateLine({ subject, validTo, renewal }: NonNullable<GatewayStatus['uplinks'][number]['certificate']>, now: number): string {
  const left = validTo - now
  const end = left <= 0 ? `ended ${day(validTo)}` : `until ${day(validTo)}, ${span(left)}`
  const next = renewal ? `renewed by itself ${renewal.at <= now ? 'now' : `from ${day(renewal.at)}`}` : 'renewed by hand'
  // What renews itself may be near its end, and is no worry until that fails.
  const worry = left <= 0 || renewal?.lastError || (!renewal && left <= weekMs)
  const text = `certificate ${subject} ${end}; ${next}${renewal?.lastError ? `, last try ${renewal.lastError}` : ''}`
  return worry ? paint('yellow', text) : text
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** What needs somebody; `linli alerts` tells the rest. */
function renderAlarms(alerts: GatewayStatus['alerts']): string {
  const waiting = alerts.filter(({ state, shelved, suppressedBy }) => state !== 'resolved' && shelved === undefined && suppressedBy === undefined)
  if (waiting.length === 0) return paint('green', '一切正常 / all normal')
  return waiting.map(({ severity, title, raisedAt, state, condition }) => paint(state === 'raised' ? 'red' : 'yellow', `${severity}  ${title.zh} / ${title.en}  since ${new Date(raisedAt).toISOString()}  ${state}, ${condition}`)).join('\n')
}
