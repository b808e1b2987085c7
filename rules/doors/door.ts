import type { DoorView, Effect, EpochMs, GatewayEvent, Json, JsonObject, Label, Occurrence, Reading, Rule, RuleInput, RuleStep } from '../../gateway/contract/index.ts'
import { scheduleOf, type HoursParts } from '../hours.ts'
import { createZone } from '../schedule/zone.ts'
import { FireLatch } from './fire.ts'
import { doorWakeAt, stepDoor, type DoorAlert, type DoorFinding, type DoorInput, type DoorTimes } from './machine.ts'
import { newMemory, parseMemory, type DoorMemory } from './memory.ts'
import type { DoorConfig, Signal } from './schema.ts'
import { seenOf } from './signal.ts'

export interface Door extends Rule { view(now: EpochMs): DoorView }

export interface DoorParts extends HoursParts {
  /** Fire inputs of every door. */
  readonly fire: readonly Signal[]
}

const titles: Readonly<Record<DoorAlert, Label>> = {
  forced: { zh: '被强行打开', en: 'forced open' },
  heldOpen: { zh: '长时间未关', en: 'held open' },
  unlockedTooLong: { zh: '长时间未上锁', en: 'unlocked for too long' },
  tamper: { zh: '防拆报警', en: 'tampered with' },
  fault: { zh: '门禁信号故障', en: 'cannot be read: contact, lock or wiring' },
  afterHours: { zh: '非开放时间被打开', en: 'opened after hours' },
}
const keys: Readonly<Record<DoorAlert, string>> = { forced: 'forced', heldOpen: 'held-open', unlockedTooLong: 'unlocked', tamper: 'tamper', fault: 'fault', afterHours: 'after-hours' }
const keptEvents = 10
/** A reading that was overtaken on its road comes soon after the one that overtook it; a device's clock that was set back stays behind. */
const overtakenMs = 60_000
const lockDeadlineMs = 5_000

/** Rule `door/<id>`: translates readings and occurrences for the machine, and what it finds into effects. */
export function createDoor(config: DoorConfig, parts: DoorParts): Door {
  const { id, contact, lock, alerts } = config
  const ruleId = `door/${id}`
  const deviceId = contact.point.split('.')[0]!
  const [exits, tampers, readers] = [config.exitButton ?? [], config.tamper ?? [], config.reader ?? []]
  const latch = new FireLatch([...parts.fire, ...config.fire ?? []])
  const times = timesOf(config, parts)
  const { offset } = createZone(parts.timezone)
  let memory: DoorMemory = newMemory()
  let today = { day: 0, counts: {} as Readonly<Record<string, number>> }
  let recent: readonly { readonly at: EpochMs; readonly result: string }[] = []
  /** Of each point's newest reading. */
  const newest = new Map<string, { readonly at: EpochMs; readonly receivedAt: EpochMs }>()

  const dayOf = (at: EpochMs): number => Math.floor((at + offset(at)) / 86_400_000)
  const note = (result: string, at: EpochMs, now: EpochMs): void => {
    if (dayOf(now) !== today.day) today = { day: dayOf(now), counts: {} }
    if (dayOf(at) === today.day) today = { ...today, counts: { ...today.counts, [result]: (today.counts[result] ?? 0) + 1 } }
    recent = [...recent, { at, result }].slice(-keptEvents)
  }

  const effectOf = (finding: DoorFinding, now: EpochMs): readonly Effect[] => {
    const { at } = finding
    if (finding.kind === 'lock') return lock ? [{ kind: 'write', ruleId, at, point: lock.point, value: lock.locked, deadlineMs: lockDeadlineMs }] : []
    if (finding.kind === 'event') {
      note(finding.result, at, now)
      return [{ kind: 'record', event: accessEvent(at, { device: deviceId, door: id, result: finding.result, ...finding.facts }) }]
    }
    const severity = alerts[finding.alert]
    if (severity === false) return []
    const alert = { key: `${ruleId}/${keys[finding.alert]}`, ruleId, at, data: { door: id, ...finding.facts } satisfies JsonObject }
    if (finding.kind === 'clear') return [{ kind: 'clear', ...alert }]
    const title = { zh: `${config.name.zh}${titles[finding.alert].zh}`, en: `${config.name.en} ${titles[finding.alert].en}` }
    return [{ kind: 'raise', ...alert, severity, title, deviceId, ...(config.place === undefined ? {} : { place: config.place }), ...(finding.alert === 'afterHours' ? { momentary: true } : {}) }]
  }

  const readingInputs = (reading: Reading): readonly DoorInput[] => {
    const { pointId, at, receivedAt: now } = reading
    const before = newest.get(pointId)
    if (before && at < before.at && now - before.receivedAt < overtakenMs) return []
    newest.set(pointId, { at, receivedAt: now })
    const of = (signals: readonly Signal[]) => signals.filter(({ point }) => point === pointId).map((signal) => seenOf(signal, reading))
    const inputs: DoorInput[] = []
    if (latch.see(reading)) inputs.push({ kind: 'fire', burning: latch.burning, now })
    for (const seen of of([contact])) inputs.push({ kind: 'contact', at, now, value: seen === 'on' ? 'open' : seen === 'off' ? 'closed' : 'unknown' })
    if (lock && (lock.state ?? lock.point) === pointId) {
      const seen = seenOf({ point: pointId, equals: lock.unlocked }, reading)
      inputs.push({ kind: 'lock', at, now, value: seen === 'on' ? 'unlocked' : seen === 'off' ? 'locked' : 'unknown' })
    }
    for (const value of of(exits)) inputs.push({ kind: 'exit', at, now, point: pointId, value })
    for (const value of of(tampers)) inputs.push({ kind: 'tamper', at, now, point: pointId, value })
    return inputs
  }

  const occurrenceInputs = (occurrence: Occurrence, now: EpochMs): readonly DoorInput[] => {
    const { at } = occurrence
    const word = wordOf(readers, occurrence)
    if (!word) return []
    note(word === 'held' ? 'held-open' : word, at, now)
    if (word === 'granted') return [{ kind: 'card', at, now }]
    return word === 'denied' ? [{ kind: 'time', now }] : [{ kind: 'told', what: word, at, now }]
  }

  return {
    id: ruleId,
    watches: [...new Set([contact.point, ...(lock ? [lock.state ?? lock.point] : []), ...[...exits, ...tampers].map(({ point }) => point), ...latch.points])],
    devices: [...new Set(readers.map(({ device }) => device))],
    step(input: RuleInput): RuleStep {
      const before = JSON.stringify(memory)
      const inputs = 'reading' in input ? readingInputs(input.reading) : 'occurrence' in input ? occurrenceInputs(input.occurrence, input.receivedAt) : 'tick' in input ? [{ kind: 'time', now: input.tick } as const] : []
      const effects = inputs.flatMap((each) => stepDoor(memory, each, times).flatMap((finding) => effectOf(finding, each.now)))
      const wakeAt = doorWakeAt(memory, times)
      return { effects, changed: JSON.stringify(memory) !== before, ...(wakeAt === undefined ? {} : { wakeAt }) }
    },
    state: () => structuredClone({ ...memory, latch: latch.state(), today, recent }) as unknown as Json,
    restore(state) {
      memory = parseMemory(state)
      if (state === null || typeof state !== 'object' || Array.isArray(state)) return
      const stored = state as { readonly [key: string]: Json }
      latch.restore(stored.latch)
      memory.fire = latch.burning
      today = parseToday(stored.today)
      recent = parseRecent(stored.recent)
    },
    view: (now) => viewOf(config, memory, dayOf(now) === today.day ? today.counts : {}, recent),
  }
}

export const accessEvent = (at: EpochMs, data: JsonObject & { readonly device: string }): GatewayEvent => ({ stream: 'event', type: 'access', at, subject: data.device, data })

function timesOf(config: DoorConfig, parts: DoorParts): DoorTimes {
  const { heldOpenAfter, unlockedTooLong, grantWindow, grace, faultAfter, lock, alerts } = config
  const hours = config.hours === undefined ? undefined : scheduleOf(config.hours, parts)
  return {
    heldOpenAfter, unlockedTooLong, grantWindow, grace, faultAfter, ...(lock?.pulse === undefined ? {} : { pulse: lock.pulse }),
    detectsForced: alerts.forced !== false && (lock !== undefined || config.reader !== undefined || config.exitButton !== undefined),
    ...(hours ? { hours, ...(config.freeInHours ? { free: hours } : {}) } : {}),
  }
}

type Word = 'granted' | 'denied' | 'forced' | 'held'

/** What a reader's occurrence says of this door; null where it is about something else. */
export function wordOf(readers: NonNullable<DoorConfig['reader']>, { deviceId, type, data }: Occurrence): Word | null {
  if (type !== 'access') return null
  for (const { device, only, field, ...words } of readers) {
    if (device !== deviceId) continue
    if (only && !Object.entries(only).every(([name, wanted]) => (Array.isArray(wanted) ? wanted : [wanted]).some((each) => String(each) === String(data[name])))) continue
    const said = String(data[field])
    const found = (['granted', 'denied', 'forced', 'held'] as const).find((word) => words[word].includes(said))
    if (found) return found
  }
  return null
}

function viewOf({ id, name, place, lock }: DoorConfig, memory: DoorMemory, today: DoorView['today'], recent: DoorView['recent']): DoorView {
  const { contact, opening, forced, held, unlocked, tamper, fault, fire, lost } = memory
  const conditions = [forced && 'forced', held && 'heldOpen', unlocked?.told && 'unlockedTooLong', tamper.length > 0 && 'tamper', fault && 'fault'].filter((each): each is DoorAlert => typeof each === 'string')
  return {
    id, name, ...(place === undefined ? {} : { place }), contact: contact === 'open' || contact === 'closed' ? contact : 'unknown',
    ...(contact === 'open' && opening ? { openSince: opening.at } : {}), ...(lock ? { lock: lost.lock === undefined ? memory.lock : 'unknown' } : {}),
    conditions, fire, lost: Object.keys(lost).toSorted(), today, recent,
  }
}

function parseToday(state: Json | undefined): { day: number; counts: Readonly<Record<string, number>> } {
  if (state === null || typeof state !== 'object' || Array.isArray(state)) return { day: 0, counts: {} }
  const { day, counts } = state as { readonly [key: string]: Json }
  if (typeof day !== 'number' || counts === null || typeof counts !== 'object' || Array.isArray(counts)) return { day: 0, counts: {} }
  return { day, counts: Object.fromEntries(Object.entries(counts as object).filter((entry): entry is [string, number] => typeof entry[1] === 'number')) }
}

function parseRecent(state: Json | undefined): { readonly at: EpochMs; readonly result: string }[] {
  return Array.isArray(state) ? (state as readonly Json[]).slice(-keptEvents).flatMap((each) => {
    const { at, result } = (each ?? {}) as { readonly at?: Json; readonly result?: Json }
    return typeof at === 'number' && typeof result === 'string' ? [{ at, result }] : []
  }) : []
}
