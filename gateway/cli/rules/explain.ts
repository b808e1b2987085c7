import { systemClock } from '../../kit/index.ts'
import { controlClient } from '../../control/client.ts'
import type { RuleView } from '../../control/rules.ts'
import type { Json } from '../../contract/index.ts'
import { paint, print, printJson, table } from '../output.ts'
import { socketPath, type SocketOptions } from '../socket.ts'
import { lengthText } from './words.ts'

export interface RulesCommand extends SocketOptions { readonly json?: boolean }

/** `linli rules list`: the rules of a running gateway, and which have something to say. */
export async function listRules(options: RulesCommand): Promise<void> {
  const rules = await controlClient(await socketPath(options)).rules()
  if (options.json) return printJson(rules)
  print(renderRules(rules, systemClock.now()))
}

export function renderRules(rules: readonly RuleView[], now: number): string {
  if (rules.length === 0) return 'the site file has no rules'
  const rows = rules.map(({ id, kind, watches, alerts, failed }) => [id, kind, String(watches), failed ? paint('red', `set aside: ${failed.code} ${plain(failed.detail)}`) : alerts.length === 0 ? paint('green', 'quiet') : alerts.map(alertText(now)).join(', ')])
  return table([['RULE', 'KIND', 'POINTS', 'STATE'], ...rows])
}

const alertText = (now: number) => ({ severity, condition, raisedAt }: RuleView['alerts'][number]): string => paint(condition === 'returned' ? 'yellow' : 'red', `${condition === 'returned' ? 'was raised' : 'raised'}, severity ${severity}, ${lengthText(now - raisedAt)} ago`)

/** `linli rules explain RULE`: every part of it as it is now, and what it waits for. */
export async function explainRule(rule: string, options: RulesCommand): Promise<void> {
  const told = await controlClient(await socketPath(options)).rule(rule)
  if (options.json) return printJson(told)
  print(renderExplanation(told as unknown as Explanation))
}

interface Part { readonly text: string; readonly value: Json; readonly unknown: boolean; readonly parts: readonly Part[] }
interface Input { readonly point: string; readonly value: Json; readonly seen: boolean; readonly bad: boolean; readonly changedAt: number | null; readonly heardAt: number | null }
/** What the gateway answers; the first keys of conditions and thresholds only. */
export interface Explanation {
  readonly id: string
  readonly kind: string
  readonly at: number
  readonly outcome?: boolean | null
  readonly raised?: boolean
  readonly dueAt?: number | null
  readonly unknownSince?: number | null
  readonly during?: { readonly schedule: string; readonly active: boolean } | null
  readonly when?: Part
  readonly clear?: Part | null
  readonly forMs?: number
  readonly clearForMs?: number
  readonly inputs?: Readonly<Record<string, Input>>
  readonly state?: Json
  readonly alerts: RuleView['alerts']
  readonly failed: RuleView['failed']
}

export function renderExplanation(told: Explanation): string {
  const { id, kind, at, when, clear, inputs = {}, state, alerts, failed } = told
  return [
    `${paint('bold', id)}  ${kind}  ${headline(told)}`,
    ...(when ? ['', ...tree('when', when)] : []),
    ...(clear ? ['', ...tree('clear', clear)] : []),
    ...(Object.keys(inputs).length > 0 ? ['', table([['INPUT', 'POINT', 'VALUE', 'SINCE', 'HEARD'], ...Object.entries(inputs).map((entry) => inputRow(entry, at))])] : []),
    ...(state === undefined || state === null || failed ? [] : ['', `state: ${plain(JSON.stringify(state)).slice(0, 2_000)}`, ...(kind === 'door' ? ['linli doors says it in words'] : kind === 'kiosk' ? ['linli terminals says it in words'] : [])]),
    ...alerts.map((alert) => `alert ${alert.id}: ${alertText(at)(alert)}`),
  ].join('\n')
}

/** What it says, and what it waits for. */
function headline({ at, outcome, raised, dueAt, unknownSince, during, forMs, clearForMs, inputs = {}, failed, when }: Explanation): string {
  if (failed) return paint('red', `set aside until the next start: ${failed.code} ${plain(failed.detail)}`)
  if (!when) return ''
  const says = raised ? paint('red', 'raised') : paint('green', 'not raised')
  if (during && !during.active) return `${says}; it does not count now (${during.schedule})`
  if (outcome === null) {
    const missing = Object.entries(inputs).filter(([, { value }]) => value === null).map(([name, { bad, seen }]) => `${name} ${seen ? (bad ? 'is bad' : 'gives nothing') : 'was never heard'}`)
    const long = typeof unknownSince === 'number' ? ` for ${lengthText(at - unknownSince)}` : ''
    return `${says}; ${paint('yellow', `unknown${long}`)}: ${missing.length > 0 ? missing.join(', ') : 'too little of the past is known, or a division by zero'}`
  }
  if (typeof dueAt !== 'number') return says
  const whole = raised ? clearForMs : forMs
  return `${says}; ${paint('yellow', `${raised ? 'clears' : 'raises'} in ${lengthText(Math.max(0, dueAt - at))}`)}${whole ? ` unless it changes (${raised ? 'clearFor' : 'for'} ${lengthText(whole)})` : ''}`
}

/** `├─` lines; the value stands before its text. */
function tree(name: string, root: Part): string[] {
  const lines = [`${name.padEnd(6)} ${valueText(root)}  ${root.text}`]
  const walk = (parts: readonly Part[], indent: string): void => {
    parts.forEach((part, index) => {
      const last = index === parts.length - 1
      lines.push(`${indent}${last ? '└─' : '├─'} ${valueText(part)}  ${part.text}`)
      walk(part.parts, `${indent}${last ? '   ' : '│  '}`)
    })
  }
  walk(root.parts, '       ')
  return lines
}

function valueText({ value, unknown }: { readonly value: Json; readonly unknown?: boolean }): string {
  if (unknown || value === null) return paint('yellow', '?')
  if (typeof value === 'boolean') return paint(value ? 'green' : 'gray', String(value))
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : plain(String(value)).slice(0, 60)
}

function inputRow([name, { point, value, seen, bad, changedAt, heardAt }]: readonly [string, Input], at: number): readonly string[] {
  const ago = (moment: number | null): string => (moment === null ? '–' : `${lengthText(Math.max(0, at - moment))}`)
  return [name, point, bad ? paint('yellow', 'bad') : seen ? valueText({ value }) : paint('yellow', 'never heard'), ago(changedAt), heardAt === null ? '–' : `${ago(heardAt)} ago`]
}

/** What devices send may hold anything. */
// oxlint-disable-next-line no-control-regex
const plain = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')

