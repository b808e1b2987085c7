import type { DeviceState, Effect, EpochMs, GatewayEvent, Json, JsonObject, KioskView, Label, Occurrence, Reading, Rule, RuleInput, RuleStep } from '../../gateway/contract/index.ts'
import { seenOf } from '../doors/signal.ts'
import { scheduleOf, type HoursParts } from '../hours.ts'
import { createZone } from '../schedule/zone.ts'
import { accountFor, conditions, hourOf, noSum, openAccount, type Account, type Condition, type Hour, type HourSum } from './availability.ts'
import type { KioskConfig, Service } from './schema.ts'

export interface Kiosk extends Rule {
  view(now: EpochMs): KioskView
  /** Fields that an occurrence of its device gets before it is stored. */
  enrich(occurrence: Occurrence): JsonObject
}

export interface KioskParts extends HoursParts { readonly services: ReadonlyMap<string, Service> }

type Level = 'on' | 'off' | 'unknown'
interface Sessions { readonly day: number; readonly count: number; readonly items: Readonly<Record<string, number>>; readonly results: Readonly<Record<string, number>> }
interface Memory {
  account: Account | null
  /** What was told last, and since when. */
  told: { readonly condition: Condition; readonly since: EpochMs } | null
  alert: { readonly level: 'down' | 'degraded' } | null
  /** Down or degraded without a break. */
  since: { readonly condition: 'down' | 'degraded'; readonly at: EpochMs } | null
  /** Nothing is known; told only when that lasts. */
  unknownSince: EpochMs | null
  hours: readonly Hour[]
  sessions: Sessions
}

const hourMs = 3_600_000
/** So long after a lost reading nobody calls it unknown, and after a start nobody calls it offline that has not come yet. */
const patienceMs = 30_000
/** While nothing happens the account is brought up to date so often. */
const bookMs = 300_000
const keptHours = 24
const maxKinds = 200

/** Rule `kiosk/<id>`: state, hours of availability and sessions of one terminal. */
export function createKiosk(config: KioskConfig, parts: KioskParts): Kiosk {
  const { id, device: devices, peripherals, online, alerts, downAfter } = config
  const deviceId = devices[0]!
  const ruleId = `kiosk/${id}`
  const { offset } = createZone(parts.timezone)
  const hours = config.hours === undefined ? undefined : scheduleOf(config.hours, parts)
  const states = new Map<string, DeviceState>()
  const levels = new Map<string, Level>()
  /** Devices that were not offline in this life, and when that began. */
  const met = new Set<string>()
  let born: EpochMs | null = null
  let memory: Memory = { account: null, told: null, alert: null, since: null, unknownSince: null, hours: [], sessions: newSessions(0) }

  const dayOf = (at: EpochMs): number => Math.floor((at + offset(at)) / (24 * hourMs))
  const record = (at: EpochMs, data: JsonObject): Effect => ({ kind: 'record', event: { stream: 'event', type: 'kiosk', at, subject: deviceId, data: { device: deviceId, kiosk: id, ...data } } satisfies GatewayEvent })

  /** Why it does not serve, the worst first; null where that cannot be said. */
  const judged = (at: EpochMs): { readonly condition: Exclude<Condition, 'outside'>; readonly why: readonly string[] } => {
    const down: string[] = []
    const degraded: string[] = []
    const unknown: string[] = []
    for (const each of devices) {
      const state = states.get(each)
      if (state === undefined || (state === 'offline' && !met.has(each) && at < (born ?? at) + patienceMs)) unknown.push('device')
      else if (state === 'offline') down.push('device')
      else if (state !== 'online') degraded.push('device')
    }
    if (online) { const level = levels.get('online') ?? 'unknown'; if (level === 'off') down.push('online'); else if (level === 'unknown') unknown.push('online') }
    for (const { id: name, required } of peripherals) {
      const level = levels.get(name) ?? 'unknown'
      if (level === 'off') (required ? down : degraded).push(name)
      else if (level === 'unknown' && required) unknown.push(name)
    }
    if (down.length > 0) return { condition: 'down', why: [...down, ...degraded] }
    if (unknown.length > 0) return { condition: 'unknown', why: unknown }
    return degraded.length > 0 ? { condition: 'degraded', why: degraded } : { condition: 'available', why: [] }
  }
  const conditionAt = (at: EpochMs): Condition => (hours && !hours.isOpen(at) ? 'outside' : judged(at).condition)

  /** Time up to now belongs to what it was until now. */
  const book = (now: EpochMs, effects: Effect[]): void => {
    memory.account ??= openAccount(now, offset)
    const { account, closed } = accountFor(memory.account, now, judged(memory.account.until).condition, hours, offset)
    memory.account = account
    for (const hour of closed) {
      memory.hours = [...memory.hours, hour].slice(-keptHours)
      // A night in which nobody was to be served is not worth an event.
      if (hour.ms.outside < hourMs) effects.push(record(hour.to, { action: 'availability', from: hour.from, to: hour.to, ...seconds(hour.ms) }))
    }
    if (dayOf(now) !== memory.sessions.day) memory.sessions = newSessions(dayOf(now))
  }

  const tell = (now: EpochMs, effects: Effect[]): void => {
    const { condition: inside, why } = judged(now)
    const condition = conditionAt(now)
    memory.unknownSince = condition === 'unknown' ? Math.min(memory.unknownSince ?? now, now) : null
    if (condition !== memory.told?.condition && (condition !== 'unknown' || now >= memory.unknownSince! + patienceMs)) {
      effects.push(record(now, { action: 'state', state: condition, ...(memory.told ? { was: memory.told.condition, wasS: Math.max(0, Math.round((now - memory.told.since) / 1_000)) } : {}), ...(why.length > 0 && condition === inside ? { why: why.join(', ') } : {}) }))
      memory.told = { condition, since: now }
    }
    // What is known to be broken stays so until something good is heard.
    if (condition === 'unknown') return
    const bad = condition === 'down' || condition === 'degraded' ? condition : null
    memory.since = bad === null ? null : memory.since?.condition === bad && memory.since.at <= now ? memory.since : { condition: bad, at: now }
    raiseOrClear(bad, why, now, effects)
  }

  const raiseOrClear = (bad: 'down' | 'degraded' | null, why: readonly string[], now: EpochMs, effects: Effect[]): void => {
    const { alert, since } = memory
    if (alert && alert.level !== bad) { memory.alert = null; effects.push({ kind: 'clear', key: `${ruleId}/${alert.level}`, ruleId, at: now, data: { kiosk: id } }) }
    const severity = bad && alerts[bad]
    if (!bad || !severity || memory.alert || !since || now < since.at + downAfter) return
    memory.alert = { level: bad }
    effects.push({
      kind: 'raise', key: `${ruleId}/${bad}`, ruleId, severity, at: since.at + downAfter, deviceId, ...(config.place === undefined ? {} : { place: config.place }),
      title: titleOf(config, bad, why), data: { kiosk: id, why: why.join(', ') },
    })
  }

  const see = (reading: Reading): void => {
    if (online?.point === reading.pointId) levels.set('online', seenOf(online, reading))
    for (const each of peripherals) if (each.point === reading.pointId) levels.set(each.id, worksOf(each, reading))
  }

  const meet = ({ deviceId: each, state }: { readonly deviceId: string; readonly state: DeviceState }): void => {
    states.set(each, state)
    if (state !== 'offline') met.add(each)
  }

  const attend = ({ type, deviceId: from, data }: Occurrence): boolean => {
    if (type !== 'kiosk' || from !== deviceId) return false
    const { sessions } = memory
    const item = typeof data.item === 'string' || typeof data.item === 'number' ? String(data.item) : '?'
    const result = typeof data.result === 'string' ? data.result.slice(0, 64) : '?'
    memory.sessions = { ...sessions, count: sessions.count + 1, items: counted(sessions.items, parts.services.has(item) ? item : item.slice(0, 64)), results: counted(sessions.results, result) }
    return true
  }

  const wakeAt = (now: EpochMs): EpochMs => {
    const { account, alert, since, unknownSince, told } = memory
    const all = [
      account!.from + hourMs, now + bookMs, hours?.nextChange(now),
      since && !alert && alerts[since.condition] ? since.at + downAfter : undefined,
      unknownSince !== null && told?.condition !== 'unknown' ? unknownSince + patienceMs : undefined,
    ].filter((at): at is EpochMs => at !== undefined && at > now)
    return Math.min(...all)
  }

  return {
    id: ruleId, devices, watches: [...new Set([...(online ? [online.point] : []), ...peripherals.map(({ point }) => point)])],
    step(input: RuleInput): RuleStep {
      const now = 'reading' in input ? input.reading.receivedAt : 'occurrence' in input ? input.receivedAt : 'device' in input ? input.device.at : 'tick' in input ? input.tick : input.at
      const effects: Effect[] = []
      const before = memory.since
      born ??= now
      book(now, effects)
      if ('reading' in input) see(input.reading)
      else if ('device' in input) meet(input.device)
      const attended = 'occurrence' in input && attend(input.occurrence)
      tell(now, effects)
      return { effects, changed: attended || memory.since !== before, wakeAt: wakeAt(now) }
    },
    state: () => structuredClone(memory) as unknown as Json,
    restore(state) { memory = parseMemory(state, offset) },
    view(now) {
      const { condition: inside, why } = judged(now)
      const condition = conditionAt(now)
      const { account, told, hours: past, sessions } = memory
      const present = account ? accountFor(account, now, inside, hours, offset).account : null
      const { day, ...today } = sessions
      return {
        id, name: config.name, ...(config.place === undefined ? {} : { place: config.place }), device: deviceId, condition, ...(told?.condition === condition ? { since: told.since } : {}), ...(condition === 'outside' ? { why: [], reasons: [] } : { why, reasons: reasonsOf(config, why) }),
        hours: [...(present ? [{ from: present.from, ms: present.ms }] : []), ...past.map(({ from, ms }) => ({ from, ms })).toReversed()].slice(0, keptHours),
        sessions: day === dayOf(now) ? today : { count: 0, items: {}, results: {} },
      }
    },
    enrich: ({ type, deviceId: from, data }) => (from !== deviceId || type === 'access' ? {} : { kiosk: id, ...namesOf(data.item, parts.services) }),
  }
}

/** Of the item of a session or rating; one that is in no catalogue keeps its code and is marked. */
function namesOf(item: Json | undefined, services: ReadonlyMap<string, Service>): JsonObject {
  if ((typeof item !== 'string' && typeof item !== 'number') || services.size === 0) return {}
  const found = services.get(String(item))
  return found ? { itemZh: found.name.zh, itemEn: found.name.en } : { itemKnown: false }
}

const reasonsOf = ({ peripherals }: KioskConfig, why: readonly string[]): Label[] =>
  why.map((each) => peripherals.find(({ id }) => id === each)?.name ?? (each === 'device' ? { zh: '设备离线', en: 'device offline' } : { zh: '自报离线', en: 'says it is offline' }))

function titleOf(config: KioskConfig, level: 'down' | 'degraded', why: readonly string[]): Label {
  const { name } = config
  const labels = reasonsOf(config, why)
  const reasons = { zh: labels.map(({ zh }) => zh).join('、'), en: labels.map(({ en }) => en).join(', ') }
  return level === 'down' ? { zh: `${name.zh}服务中断：${reasons.zh}`, en: `${name.en} out of service: ${reasons.en}` } : { zh: `${name.zh}服务受限：${reasons.zh}`, en: `${name.en} limited: ${reasons.en}` }
}

function worksOf({ min, max, ok }: KioskConfig['peripherals'][number], { quality, value }: Reading): Level {
  if (quality === 'bad' || value === null) return 'unknown'
  if (ok) return ok.includes(value) ? 'on' : 'off'
  if (typeof value !== 'number') return 'unknown'
  return value >= (min ?? -Infinity) && value <= (max ?? Infinity) ? 'on' : 'off'
}

const seconds = (ms: HourSum): JsonObject => Object.fromEntries(conditions.map((each) => [`${each}S`, Math.round(ms[each] / 1_000)]))

/** Hostile codes do not fill the memory: beyond so many kinds they are counted together. */
function counted(counts: Readonly<Record<string, number>>, kind: string): Readonly<Record<string, number>> {
  const key = Object.hasOwn(counts, kind) || Object.keys(counts).length < maxKinds ? kind : '…'
  return { ...counts, [key]: (Object.hasOwn(counts, key) ? counts[key]! : 0) + 1 }
}

const newSessions = (day: number): Sessions => ({ day, count: 0, items: {}, results: {} })

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumber = (value: Json | undefined): value is number => typeof value === 'number' && Number.isFinite(value)
const isCondition = (value: Json | undefined): value is Condition => conditions.some((each) => each === value)
const sumOf = (value: Json | undefined): HourSum => (isObject(value) ? { ...noSum, ...Object.fromEntries(conditions.map((each) => { const ms = value[each]; return [each, isNumber(ms) ? ms : 0] })) } : noSum)
const countsOf = (value: Json | undefined): Readonly<Record<string, number>> => (isObject(value) ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, number] => isNumber(entry[1])).slice(0, maxKinds + 1)) : {})

/** What was stored. What devices said is not in it: they say it again, and the time between is unknown. */
function parseMemory(state: Json, offset: (at: EpochMs) => number): Memory {
  const memory: Memory = { account: null, told: null, alert: null, since: null, unknownSince: null, hours: [], sessions: newSessions(0) }
  if (!isObject(state)) return memory
  const { account, told, alert, since, hours, sessions } = state
  if (isObject(account) && isNumber(account.until)) memory.account = { until: account.until, from: hourOf(account.until, offset), ms: sumOf(account.ms) }
  if (isObject(told) && isCondition(told.condition) && isNumber(told.since)) memory.told = { condition: told.condition, since: told.since }
  if (isObject(alert) && (alert.level === 'down' || alert.level === 'degraded')) memory.alert = { level: alert.level }
  if (isObject(since) && (since.condition === 'down' || since.condition === 'degraded') && isNumber(since.at)) memory.since = { condition: since.condition, at: since.at }
  if (Array.isArray(hours)) memory.hours = (hours as readonly Json[]).slice(-keptHours).flatMap((each) => (isObject(each) && isNumber(each.from) ? [{ from: each.from, to: each.from + hourMs, ms: sumOf(each.ms) }] : []))
  if (isObject(sessions) && isNumber(sessions.day) && isNumber(sessions.count)) memory.sessions = { day: sessions.day, count: sessions.count, items: countsOf(sessions.items), results: countsOf(sessions.results) }
  return memory
}
