import type { Alert, AlertEntry, AlertState, Severity } from '../contract/index.ts'
import { controlClient } from '../control/client.ts'
import type { AlertsView } from '../control/alerts.ts'
import { ConfigError } from '../kit/index.ts'
import { severityWords } from '../kit/severity-words.ts'
import type { AlertStatistics } from '../../rules/alerts/statistics.ts'
import { paint, print, printJson, table } from './output.ts'
import { span } from './status.ts'
import { socketPath, type SocketOptions } from './socket.ts'

export interface AlertsCommand extends SocketOptions {
  readonly by?: string
  readonly note?: string
  readonly to?: string
  readonly for?: number
  readonly score?: number
  readonly severity?: number
  readonly since?: number
  readonly closed?: boolean
  readonly json?: boolean
}

type Client = ReturnType<typeof controlClient>

/** `linli alerts`: what needs somebody, one alert's timeline, and everything that people do with alerts. */
export async function alerts(action: string, words: readonly string[], options: AlertsCommand): Promise<void> {
  const client = controlClient(await socketPath(options))
  const [id, ...rest] = words
  switch (action) {
    case 'list': { const view = await client.alerts(); return options.json ? printJson(view) : print(renderAlerts(view, options.closed ?? false)) }
    case 'show': { const alert = await client.alert(needed(id, 'the id of an alert')); return options.json ? printJson(alert) : print(renderAlert(alert)) }
    case 'stats': { const figures = await client.alertStatistics(options.since ?? 86_400_000) as AlertStatistics; return options.json ? printJson(figures) : print(renderStatistics(figures)) }
    case 'test': return order(client, { test: options.severity ?? 1 }, options, () => `test alarm of severity ${options.severity ?? 1}: it sounds, is told to channels marked TEST, and ends by itself after 30 s`)
    case 'silence': return order(client, { silence: true }, options, ({ silenced = [] }) => (silenced.length > 0 ? `silent until the next new alert; ${silenced.length} still wait for somebody: linli alerts` : 'nothing sounded'))
    default: return order(client, actOf(action, id, rest.join(' '), options), options, (answer) => renderOutcome(answer))
  }
}

interface Answer { readonly outcome?: 'applied' | 'already'; readonly alert?: Alert; readonly silenced?: readonly string[] }

async function order(client: Client, body: object, { by, json }: AlertsCommand, words: (answer: Answer) => string): Promise<void> {
  const answer = await client.orderAlerts({ ...body, ...(by === undefined ? {} : { by }) }) as Answer
  if (json) return printJson(answer)
  print(words(answer))
}

function needed(word: string | undefined, what: string): string {
  if (word) return word
  throw new ConfigError('ALERTS_USAGE', `name ${what}; linli alerts --help shows how`)
}

/** What the words mean, by the desk's names; times from now on. */
function actOf(action: string, id: string | undefined, said: string, { note = said, to = said, for: forMs, score }: AlertsCommand): object {
  const alert = (): string => needed(id, 'the id of an alert')
  switch (action) {
    case 'ack': case 'acknowledge': return { act: 'acknowledge', alert: alert() }
    case 'assign': return { act: 'assign', alert: alert(), to }
    case 'shelve': return { act: 'shelve', alert: alert(), reason: note, forMs: forMs ?? 3_600_000 }
    case 'unshelve': return { act: 'unshelve', alert: alert() }
    case 'resolve': return { act: 'resolve', alert: alert(), note }
    case 'reopen': return { act: 'reopen', alert: alert(), note }
    case 'comment': return { act: 'comment', alert: alert(), text: note }
    case 'evaluate': return { act: 'evaluate', alert: alert(), score: score ?? Number(said.split(' ')[0]), ...(note && note !== said ? { text: note } : {}) }
    default: throw new ConfigError('ALERTS_USAGE', `"${action}" is nothing that can be done with alerts; write list, show, acknowledge, assign, shelve, unshelve, resolve, evaluate, reopen, comment, test, silence or stats`)
  }
}

const severityOf = (severity: Severity): string => `${severityWords[severity].zh} ${severityWords[severity].en}`
const colours = { 1: 'red', 2: 'yellow', 3: 'yellow', 4: 'blue' } as const
const states: Readonly<Record<AlertState, string>> = { raised: '待处理 waiting', acknowledged: '已确认 acknowledged', resolved: '已处理 resolved', closed: '已关闭 closed' }

const local = (at: number): string => new Date(at).toLocaleString('sv-SE')
const titleOf = ({ title }: Alert): string => `${title.zh} / ${title.en}`

/** Who has it, or by when somebody should. */
function who({ acknowledged, assigned, resolved, shelved, suppressedBy, due }: Alert, now: number): string {
  if (resolved) return resolved.by
  if (shelved) return `shelved until ${local(shelved.until)} (${shelved.by})`
  if (suppressedBy !== undefined) return `explained by ${suppressedBy}`
  if (assigned) return assigned.to
  if (acknowledged) return acknowledged.by
  return due.acknowledge === undefined ? '' : due.acknowledge > now ? `within ${span(due.acknowledge - now)}` : paint('red', `overdue ${span(now - due.acknowledge)}`)
}

function conditionOf({ condition, chattering, count }: Alert): string {
  const word = { active: '持续 active', returned: '已恢复 returned', momentary: '呼叫 call' }[condition]
  return `${word}${count > 1 ? ` ×${count}` : ''}${chattering ? ' 抖动 chattering' : ''}`
}

/** The text of `linli alerts`. */
export function renderAlerts({ now, summary, open, closed }: AlertsView, withClosed: boolean): string {
  const need = open.filter(({ state }) => state !== 'resolved')
  const row = (alert: Alert): string[] => [alert.id, paint(colours[alert.severity], severityOf(alert.severity)), span(now - alert.raisedAt), states[alert.state], conditionOf(alert), titleOf(alert), who(alert, now)]
  const list = (rows: readonly Alert[]): string => table([['ID', 'SEVERITY', 'AGE', 'STATE', 'CONDITION', 'WHAT', 'WHO'], ...rows.map(row)])
  const blocks = [need.length === 0 ? paint('green', '一切正常 / all normal') : list(need)]
  if (summary.flood) blocks.push(paint('red', `报警过多 / flood: ${summary.flood.count} new since ${local(summary.flood.since)}`))
  const quiet = [summary.shelved > 0 ? `${summary.shelved} shelved` : '', summary.suppressed > 0 ? `${summary.suppressed} explained by another` : '', summary.standing > 0 ? `${summary.standing} for more than a day` : ''].filter((text) => text !== '')
  if (quiet.length > 0) blocks.push(quiet.join(', '))
  const resolved = open.filter(({ state }) => state === 'resolved')
  if (resolved.length > 0) blocks.push(`待评价 / waiting for a rating:\n${list(resolved)}`)
  if (withClosed && closed.length > 0) blocks.push(`已关闭 / closed:\n${list(closed.slice(0, 50))}`)
  return blocks.join('\n\n')
}

/** The text of `linli alerts show`. */
export function renderAlert(alert: Alert): string {
  const { id, key, ruleId, severity, deviceId, place, mode, due, timeline } = alert
  const facts = [`${id}  rule ${ruleId}  key ${key}`, [deviceId && `device ${deviceId}`, place && `place ${place}`, mode && `mode ${mode}`].filter(Boolean).join('  '), `${states[alert.state]}  ${conditionOf(alert)}`,
    due.acknowledge === undefined && due.resolve === undefined ? '' : `due: ${[due.acknowledge && `acknowledge ${local(due.acknowledge)}`, due.resolve && `resolve ${local(due.resolve)}`].filter(Boolean).join(', ')}`]
  return [`${paint(colours[severity], severityOf(severity))}  ${paint('bold', titleOf(alert))}`, ...facts.filter((text) => text !== ''), '', table(timeline.map((entry) => [local(entry.at), entry.what, entry.by ?? '', factsOf(entry)]))].join('\n')
}

const factsOf = ({ data = {} }: AlertEntry): string => Object.entries(data).map(([name, value]) => `${name} ${typeof value === 'number' && /until|at$/i.test(name) ? local(value) : Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join('  ')

const renderOutcome = ({ outcome, alert }: Answer): string => {
  if (!alert) return ''
  const { acknowledged, resolved } = alert
  const first = resolved ?? acknowledged
  return `${titleOf(alert)}: ${states[alert.state]}${outcome === 'already' ? paint('yellow', `, it was so already${first ? `: ${first.by} at ${local(first.at)}` : ''}`) : ''}`
}

const minutes = (ms: number | null): string => (ms === null ? '–' : span(ms))

/** The text of `linli alerts stats`. */
export function renderStatistics({ from, to, rules, badActors, per10Min, standing, chattering }: AlertStatistics): string {
  if (rules.length === 0) return `no alerts since ${local(from)}`
  return [
    `${local(from)} to ${local(to)}: ${per10Min.mean.toFixed(2)} alerts per 10 min on average (one is well, more than two are too many), at most ${per10Min.peak}, ${Math.round(per10Min.inFlood * 100)} % of the time in a flood; ${standing} for more than a day, ${chattering} chattering`,
    table([['RULE', 'ALERTS', 'RAISED', 'ACKNOWLEDGED AFTER', 'RESOLVED AFTER'], ...rules.map(({ rule, alerts: count, raised, acknowledgeMs, resolveMs }) => [rule, String(count), String(raised), minutes(acknowledgeMs), minutes(resolveMs)])]),
    `raise most: ${badActors.slice(0, 3).map(({ rule, share }) => `${rule} ${Math.round(share * 100)} %`).join(', ')}`,
  ].join('\n\n')
}

