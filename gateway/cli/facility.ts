import { controlClient } from '../control/client.ts'
import type { DoorView, KioskView } from '../contract/index.ts'
import { systemClock } from '../kit/index.ts'
import { paint, print, printJson, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'
import { span } from './status.ts'

export interface FacilityCommand extends SocketOptions { readonly json?: boolean }

/** `linli doors`: how each door is now, and what happened today. */
export async function doors(options: FacilityCommand): Promise<void> {
  const answer = await controlClient(await socketPath(options)).doors()
  if (options.json) return printJson(answer)
  print(renderDoors(answer, systemClock.now()))
}

/** `linli terminals`: how each terminal is now, its hours, and today's sessions. */
export async function terminals(options: FacilityCommand): Promise<void> {
  const answer = await controlClient(await socketPath(options)).kiosks()
  if (options.json) return printJson(answer)
  print(renderTerminals(answer, systemClock.now()))
}

const words: Readonly<Record<string, string>> = {
  open: '开 open', closed: '关 closed', unknown: '不明 unknown', locked: '已锁 locked', unlocked: '未锁 unlocked',
  forced: '强行打开 forced', heldOpen: '未关 held open', unlockedTooLong: '久未上锁 unlocked too long', tamper: '防拆 tamper', fault: '故障 fault',
  available: '正常 available', degraded: '受限 degraded', down: '中断 down', outside: '非服务时间 closed now',
}
const word = (key: string): string => words[key] ?? key
const counts = (all: Readonly<Record<string, number>>): string => Object.entries(all).toSorted((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`).join('  ')

export function renderDoors(answer: readonly DoorView[], now: number): string {
  if (answer.length === 0) return 'the site file has no doors'
  const rows = answer.map(({ id, name, contact, openSince, lock, conditions, fire, lost, today }) => [
    id, name.zh, contact === 'unknown' ? paint('yellow', word(contact)) : word(contact) + (openSince === undefined ? '' : ` ${span(now - openSince)}`), lock ? word(lock) : '–',
    [...(fire ? [paint('red', '火警 fire')] : []), ...conditions.map((each) => paint('red', word(each))), ...(lost.length > 0 ? [paint('yellow', `no ${lost.join(', ')}`)] : [])].join(' ') || paint('green', '正常 normal'), counts(today) || '–',
  ])
  return table([['DOOR', 'NAME', 'CONTACT', 'LOCK', 'CONDITION', 'TODAY'], ...rows])
}

/** One letter an hour, the present one last: what it was most. */
const marks: Readonly<Record<string, string>> = { available: '█', degraded: '▒', down: '×', unknown: '?', outside: '·' }

export function renderTerminals(answer: readonly KioskView[], now: number): string {
  if (answer.length === 0) return 'the site file has no kiosks'
  const rows = answer.map(({ id, name, condition, since, reasons, hours, sessions }) => [
    id, name.zh, paint(condition === 'available' ? 'green' : condition === 'down' ? 'red' : 'yellow', word(condition)) + (since === undefined ? '' : ` ${span(now - since)}`), reasons.map(({ zh, en }) => `${zh} ${en}`).join(', ') || '–',
    hours.toReversed().map(({ ms }) => marks[Object.entries(ms).toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? 'unknown'] ?? '?').join('') || '–', availability(hours), String(sessions.count), counts(sessions.items) || '–',
  ])
  return `${table([['TERMINAL', 'NAME', 'STATE', 'WHY', 'HOURS', 'AVAILABLE', 'SESSIONS', 'ITEMS'], ...rows])}\n\nhours, the present one last: █ available  ▒ degraded  × down  ? unknown  · outside service hours; available: share of the known service time`
}

/** Degraded counts as available: it serves. What nobody knows counts neither way. */
function availability(hours: KioskView['hours']): string {
  const sum = (...kinds: readonly string[]): number => hours.reduce((all, { ms }) => all + kinds.reduce((part, kind) => part + (ms[kind] ?? 0), 0), 0)
  const known = sum('available', 'degraded', 'down')
  return known === 0 ? '–' : `${(100 * sum('available', 'degraded') / known).toFixed(1)} %`
}
