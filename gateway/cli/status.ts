import { controlClient } from '../control/client.ts'
import type { GatewayStatus } from '../status.ts'
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
  const { counters, journal } = answer
  const upFor = Math.round((answer.now - answer.startedAt) / 1_000)
  const blocks = [
    `${paint('bold', answer.gateway)}  region ${answer.region}  version ${answer.version}  up ${upFor} s  ${answer.rssMb} MB  time ${answer.timeQuality}  epoch ${answer.epoch}`,
    `readings ${counters.readings}  events ${counters.events}  alerts ${counters.alerts}  held back ${counters.suppressed}  repeated ${counters.repeated}  refused ${counters.refused}`,
    `journal: ${journal.records} records in ${journal.commits} commits, fsync p50 ${journal.fsyncMsP50} ms p99 ${journal.fsyncMsP99} ms, ${Math.round(journal.fill * 100)} % full, ${journal.gaps} gaps, ${journal.deadLetters} dead letters\n  room at the present rate: ${Object.entries(journal.streams).map(([stream, { roomMs }]) => `${stream} ${roomMs === null ? '–' : span(roomMs)}`).join('  ')}`,
    table([['CONNECTION', 'DRIVER', 'STATE', 'WHY'], ...answer.connections.map((item) => [item.id, item.driver, mark(item.state), item.state === 'online' ? '' : item.lastErrorDetail ?? ''])]),
    table([['DEVICE', 'NAME', 'STATE', 'WHY'], ...answer.devices.map((item) => [item.id, item.name.zh, mark(item.state), item.detail ?? item.reason ?? ''])]),
    ...answer.uplinks.map((item) => `uplink ${item.id}: ${mark(item.state)}  MQTT ${item.protocol === 5 ? '5' : item.protocol === 4 ? '3.1.1' : '-'}  acked ${item.acked}  in flight ${item.inFlight}  refused ${item.rejected}${item.state === 'online' || !item.lastError ? '' : `  ${item.lastError}`}\n  waiting: ${Object.entries(item.backlog).map(([stream, { records }]) => `${stream} ${records}`).join('  ')}`),
    answer.alerts.length === 0 ? paint('green', '一切正常 / all normal') : answer.alerts.map((alert) => paint('red', `${alert.severity}  ${alert.title.zh} / ${alert.title.en}  since ${new Date(alert.raisedAt).toISOString()}`)).join('\n'),
  ]
  return blocks.join('\n\n')
}
