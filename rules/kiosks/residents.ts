import { createHash } from 'node:crypto'
import type { Effect, EpochMs, Json, JsonObject, Label, Occurrence, Rule, RuleInput, RuleStep } from '../../gateway/contract/index.ts'
import type { ResidentsConfig } from './schema.ts'

export interface ResidentParts {
  /** Every device a resident may call or rate from, with the name people know: the terminal's, else its own. */
  readonly devices: ReadonlyMap<string, { readonly name: Label; readonly place?: string; readonly kiosk?: string }>
}

interface Call { readonly at: EpochMs; readonly reason: string; readonly key: string }

/** The same call from the same place within this is one who presses again. */
const againMs = 60_000
/** More calls from one device within the window share one alert: nobody fills the list by a stuck button. */
const [maxCalls, windowMs] = [10, 600_000]

/** Rule `residents`: calls (呼) open alerts, poor ratings (评) too, and a rating that names an alert is its evaluation. */
export function createResidents(config: ResidentsConfig, { devices }: ResidentParts): Rule {
  const calls = new Map<string, readonly Call[]>()

  const call = ({ deviceId, at, data, sourceId }: Occurrence, now: EpochMs): readonly Effect[] => {
    if (config.request === false) return []
    const reason = textOf(data.reason) ?? 'help'
    const known = (calls.get(deviceId) ?? []).filter((each) => now - each.at < windowMs && each.at <= now)
    const again = known.findLast((each) => each.reason === reason && now - each.at < againMs)
    const key = again?.key ?? `request/${deviceId}/${known.length < maxCalls ? idOf(deviceId, sourceId ?? `${at}`, reason) : 'more'}`
    calls.set(deviceId, again ? known.map((each) => (each === again ? { ...each, at: now } : each)) : [...known, { at: now, reason, key }].slice(-maxCalls))
    return [alert(deviceId, key, config.request, at, (name) => ({ zh: `${name.zh}有居民求助`, en: `a resident calls at ${name.en}` }), { reason, ...(sourceId === undefined ? {} : { sourceId }) })]
  }

  const rate = ({ deviceId, at, data, sourceId }: Occurrence, now: EpochMs): readonly Effect[] => {
    const { score } = data
    if (typeof score !== 'number' || !Number.isInteger(score) || score < 1 || score > 5) return []
    const [session, item, alertId, text] = [textOf(data.session), textOf(data.item), textOf(data.alert), textOf(data.text)]
    const id = idOf(deviceId, sourceId ?? `${at}`, `${score}`)
    if (alertId !== undefined) return [{ kind: 'act', ruleId: 'residents', at: now, act: { act: 'evaluate', id, alert: alertId, at: now, by: deviceId, origin: 'resident', score: score as 1 | 2 | 3 | 4 | 5, ...(text === undefined ? {} : { text }) } }]
    if (config.poorRatingSeverity === false || score > config.poorRating) return []
    const facts = { score, ...(session === undefined ? {} : { session }), ...(item === undefined ? {} : { item }), ...(text === undefined ? {} : { text }), ...(sourceId === undefined ? {} : { sourceId }) }
    return [alert(deviceId, `rating/${deviceId}/${id}`, config.poorRatingSeverity, at, (name) => ({ zh: `${name.zh}收到差评（${score} 分）`, en: `poor rating (${score} of 5) at ${name.en}` }), facts)]
  }

  const alert = (deviceId: string, key: string, severity: 1 | 2 | 3 | 4, at: EpochMs, title: (name: Label) => Label, data: JsonObject): Effect => {
    const { name, place, kiosk } = devices.get(deviceId) ?? { name: { zh: deviceId, en: deviceId } }
    return { kind: 'raise', key, ruleId: 'residents', severity, at, title: title(name), deviceId, momentary: true, ...(place === undefined ? {} : { place }), data: { device: deviceId, ...(kiosk === undefined ? {} : { kiosk }), ...data } }
  }

  return {
    id: 'residents', watches: [], devices: [...devices.keys()],
    step(input: RuleInput): RuleStep {
      if (!('occurrence' in input)) return { effects: [] }
      const { occurrence, receivedAt } = input
      return { effects: occurrence.type === 'request' ? call(occurrence, receivedAt) : occurrence.type === 'evaluation' ? rate(occurrence, receivedAt) : [] }
    },
    state: () => [...calls].map(([device, list]) => [device, list.map(({ at, reason, key }) => [at, reason, key])]),
    restore(state) {
      if (!Array.isArray(state)) return
      for (const entry of state as readonly Json[]) {
        const [device, list] = (Array.isArray(entry) ? entry : []) as readonly Json[]
        if (typeof device !== 'string' || !devices.has(device) || !Array.isArray(list)) continue
        calls.set(device, (list as readonly Json[]).slice(-maxCalls).flatMap((each) => {
          const [at, reason, key] = (Array.isArray(each) ? each : []) as readonly Json[]
          return typeof at === 'number' && typeof reason === 'string' && typeof key === 'string' ? [{ at, reason, key }] : []
        }))
      }
    },
  }
}

/** Short enough to be shown; a device may send anything. */
const textOf = (value: Json | undefined): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) || undefined : undefined)
/** 16 hex digits, the same for the same event. */
const idOf = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16)
