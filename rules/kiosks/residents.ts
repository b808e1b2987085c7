import { createHash } from 'node:crypto'
import { residentsPage as page, type Effect, type EpochMs, type Json, type JsonObject, type Label, type Occurrence, type Rule, type RuleInput, type RuleStep } from '../../gateway/contract/index.ts'
import type { ResidentsConfig } from './schema.ts'

export interface ResidentParts {
  /** Every device a resident may call or rate from, with the name people know: the terminal's, else its own. */
  readonly devices: ReadonlyMap<string, { readonly name: Label; readonly place?: string; readonly kiosk?: string }>
  /** What the places are called that have a printed code of their own. */
  readonly places?: ReadonlyMap<string, Label>
}

interface Call { readonly at: EpochMs; readonly reason: string; readonly key: string }

/** The same call from the same place within this is one who presses again. */
const againMs = 60_000
/** More calls from one device within the window share one alert: nobody fills the list by a stuck button. */
const [maxCalls, windowMs] = [10, 600_000]

/**
 * Rule `residents`: calls (呼) open alerts, poor ratings (评) too, and a rating that names an alert is its evaluation. What comes from the
 * page behind the printed codes says `via: page`: its reports and poor ratings of one thing at one place are one alert, counted up.
 */
export function createResidents(config: ResidentsConfig, { devices, places = new Map() }: ResidentParts): Rule {
  const categories = new Map(config.page.categories.map((each) => [each.id, each]))
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

  const report = ({ deviceId, at, data, sourceId }: Occurrence): readonly Effect[] => {
    const { id, name: what, severity } = categories.get(textOf(data.reason) ?? '') ?? { id: 'other', name: { zh: '其他', en: 'something else' }, severity: 3 }
    if (severity === false) return []
    const [text, photo] = [textOf(data.text), textOf(data.photo)]
    const facts = { reason: id, ...(text === undefined ? {} : { text }), ...(photo === undefined ? {} : { photo }), ...(sourceId === undefined ? {} : { sourceId }) }
    return [alert(deviceId, `report/${spotOf(deviceId, data)}/${id}`, severity, at, (name) => ({ zh: `居民报告：${what.zh}（${name.zh}）`, en: `a resident reports: ${what.en} (${name.en})` }), facts, textOf(data.place))]
  }

  const rate = ({ deviceId, at, data, sourceId }: Occurrence, now: EpochMs): readonly Effect[] => {
    const { score } = data
    if (typeof score !== 'number' || !Number.isInteger(score) || score < 1 || score > 5) return []
    const [session, item, alertId, text] = [textOf(data.session), textOf(data.item), textOf(data.alert), textOf(data.text)]
    const id = idOf(deviceId, sourceId ?? `${at}`, `${score}`)
    if (alertId !== undefined) return [{ kind: 'act', ruleId: 'residents', at: now, act: { act: 'evaluate', id, alert: alertId, at: now, by: deviceId, origin: 'resident', score: score as 1 | 2 | 3 | 4 | 5, ...(text === undefined ? {} : { text }) } }]
    if (config.poorRatingSeverity === false || score > config.poorRating) return []
    const facts = { score, ...(session === undefined ? {} : { session }), ...(item === undefined ? {} : { item }), ...(text === undefined ? {} : { text }), ...(sourceId === undefined ? {} : { sourceId }) }
    const key = data.via === 'page' ? `rating/${spotOf(deviceId, data)}` : `rating/${deviceId}/${id}`
    return [alert(deviceId, key, config.poorRatingSeverity, at, (name) => ({ zh: `${name.zh}收到差评（${score} 分）`, en: `poor rating (${score} of 5) at ${name.en}` }), facts, textOf(data.place))]
  }

  const alert = (deviceId: string, key: string, severity: 1 | 2 | 3 | 4, at: EpochMs, title: (name: Label) => Label, data: JsonObject, spot?: string): Effect => {
    // The page itself is no device: what is said there is of the place.
    if (deviceId === page) return { kind: 'raise', key, ruleId: 'residents', severity, at, title: title(places.get(spot ?? '') ?? { zh: spot ?? deviceId, en: spot ?? deviceId }), momentary: true, ...(spot === undefined ? {} : { place: spot }), data }
    const { name, place, kiosk } = devices.get(deviceId) ?? { name: { zh: deviceId, en: deviceId } }
    return { kind: 'raise', key, ruleId: 'residents', severity, at, title: title(name), deviceId, momentary: true, ...(place === undefined ? {} : { place }), data: { device: deviceId, ...(kiosk === undefined ? {} : { kiosk }), ...data } }
  }

  return {
    id: 'residents', watches: [], devices: [...devices.keys(), page],
    step(input: RuleInput): RuleStep {
      if (!('occurrence' in input)) return { effects: [] }
      const { occurrence, receivedAt } = input
      return { effects: occurrence.type === 'request' ? (occurrence.data.via === 'page' ? report(occurrence) : call(occurrence, receivedAt)) : occurrence.type === 'evaluation' ? rate(occurrence, receivedAt) : [] }
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

/** What a code was printed for. */
const spotOf = (deviceId: string, data: JsonObject): string => (deviceId === page ? `place/${textOf(data.place) ?? '-'}` : deviceId)
/** Short enough to be shown; a device may send anything. */
const textOf = (value: Json | undefined): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) || undefined : undefined)
/** 16 hex digits, the same for the same event. */
const idOf = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16)
