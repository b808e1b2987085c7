import type { Alert, AlertEntry, EpochMs, Json, JsonObject, Severity } from '../../gateway/contract/index.ts'
import { insert, type Entry, type Subject } from './entries.ts'
import { fold, saying, step, unborn, wordOf, type Life, type LifeRules } from './life.ts'

/** One alert in memory: what was folded away, and the entries since. */
export interface AlertRecord {
  readonly id: string
  readonly key: string
  readonly ruleId: string
  readonly raisedAt: EpochMs
  /** Everything before {@link entries}. */
  base: Life
  /** Nothing may be put before: the last entry that was folded away. */
  floor: EpochMs
  /** Lines of what was folded away, and the ids of acts among them. */
  lines: readonly AlertEntry[]
  acts: readonly string[]
  entries: readonly Entry[]
  life: Life
  // Not stored:
  /** Raises lately, for chattering. */
  recent: EpochMs[]
  /** What suppressed it is gone; it is told then unless it goes too. */
  releaseAt?: EpochMs
  /** Next time that the clock decides something. */
  wakeAt?: EpochMs
  /** While it chatters: what was told last, and when. */
  toldAt?: EpochMs
  toldCount?: number
}

const maxEntries = 80
const keptEntries = 40
const maxLines = 80
const maxActs = 200

export function newRecord(of: Pick<AlertRecord, 'id' | 'key' | 'ruleId'>, first: Extract<Entry, { kind: 'raise' }>): AlertRecord {
  const base = unborn(first.at, first.subject)
  return { ...of, raisedAt: first.at, base, floor: first.at, lines: [], acts: [], entries: [], life: base, recent: [] }
}

/** Puts it in its place and folds again; what is too much at the old end is folded away. */
export function add(record: AlertRecord, entry: Entry, rules: LifeRules): void {
  const entries = insert(record.entries, entry)
  const last = entries.at(-1) === entry
  record.entries = entries
  if (last) {
    const effect = step(record.life, entry, rules)
    if (typeof effect !== 'string') record.life = entry.kind === 'note' ? effect.life : { ...effect.life, changedAt: entry.at }
  } else record.life = fold(record.base, entries, rules)
  if (entries.length > maxEntries) foldAway(record, rules)
}

/** The chattering entry grows in its place. */
export function replace(record: AlertRecord, old: Entry, by: Entry, rules: LifeRules): void {
  record.entries = record.entries.map((entry) => (entry === old ? by : entry))
  record.life = fold(record.base, record.entries, rules)
}

/** The box's next entry is not before: it happens after all that is known here, also when the clock was set back. */
export function notBefore({ entries, floor }: AlertRecord): EpochMs {
  const last = entries.at(-1)
  return last ? after(last) : floor
}
const after = (entry: Entry): EpochMs => (entry.kind === 'act' ? entry.at + 1 : entry.at)
export const lastAt = ({ entries, floor }: AlertRecord): EpochMs => entries.at(-1)?.at ?? floor
export const hasAct = (record: AlertRecord, id: string): boolean => record.acts.includes(id) || record.entries.some((entry) => entry.kind === 'act' && entry.act.id === id)
/** The life as it was when this entry came, and the entry's own effect. */
export const before = (record: AlertRecord, entry: Entry, rules: LifeRules): Life => {
  const entries = insert(record.entries, entry)
  return fold(record.base, entries.slice(0, entries.indexOf(entry)), rules)
}

function foldAway(record: AlertRecord, rules: LifeRules): void {
  let cut = record.entries.length - keptEntries
  // A chattering entry still grows.
  const growing = record.entries.findIndex(({ kind }) => kind === 'chatter')
  if (record.life.chattering && growing >= 0) cut = Math.min(cut, growing)
  if (cut <= 0) return
  const away = record.entries.slice(0, cut)
  record.base = fold(record.base, away, rules)
  record.floor = after(away.at(-1)!)
  record.lines = shorten([...record.lines, ...away.map(line)])
  record.acts = [...record.acts, ...away.flatMap((entry) => (entry.kind === 'act' ? [entry.act.id] : []))].slice(-maxActs)
  record.entries = record.entries.slice(cut)
}

/** Coming and going without a person in between is one line; then the first and the last are kept. */
function shorten(lines: readonly AlertEntry[]): readonly AlertEntry[] {
  const out: AlertEntry[] = []
  for (const one of lines) {
    const [previous, last] = [out.at(-2), out.at(-1)]
    if (one.what === 'raised' && last?.what === 'cleared' && previous?.what === 'raised') {
      const times = typeof previous.data?.times === 'number' ? previous.data.times : 1
      out.splice(-2, 2, { ...one, data: { ...one.data, times: times + 1 } })
    } else out.push(one)
  }
  if (out.length <= maxLines) return out
  const omitted = out.length - maxLines + 1
  return [...out.slice(0, 10), { at: out[10]!.at, what: 'omitted', data: { lines: omitted } }, ...out.slice(10 + omitted)]
}

const own: Readonly<Record<Exclude<Entry['kind'], 'act' | 'note'>, string>> = {
  raise: 'raised', clear: 'cleared', chatter: 'chattering', calm: 'calmed', suppress: 'suppressed', release: 'released', escalate: 'escalated', return: 'unshelved', close: 'closed',
}

/** The timeline's word and facts for an entry. */
export function line(entry: Entry): AlertEntry {
  const { at } = entry
  const of = (what: string, data: JsonObject, by?: string): AlertEntry => ({ at, what, ...(by === undefined ? {} : { by }), ...(Object.keys(data).length > 0 ? { data } : {}) })
  switch (entry.kind) {
    case 'act': return of(wordOf[entry.act.act], { ...saying(entry.act), ...(entry.act.origin === 'site' ? {} : { origin: entry.act.origin }) }, entry.act.by)
    case 'note': return of(entry.what, entry.data ?? {}, entry.by)
    case 'raise': return of(own.raise, entry.subject.data)
    case 'clear': return of(own.clear, entry.data)
    case 'chatter': return of(own.chatter, { times: entry.raises })
    case 'suppress': return of(own.suppress, { parent: entry.parent })
    case 'escalate': return of(own.escalate, { step: entry.step, notify: entry.notify, mention: entry.mention })
    case 'close': return of(own.close, { reason: entry.reason })
    case 'calm': case 'release': case 'return': return of(own[entry.kind], {})
  }
}

/** Only while somebody still has to. */
export type Due = (life: Life) => Alert['due']

export function viewOf({ id, key, ruleId, raisedAt, life, lines, entries }: AlertRecord, due: Due): Alert {
  const { subject: { momentary: _m, ...subject }, askedAt: _a, escalatedAt: _e, ...rest } = life
  return { id, key, ruleId, raisedAt, ...subject, ...rest, due: due(life), timeline: [...lines, ...entries.map(line)] }
}

export const stateKey = (id: string): string => `alert/${id}`
export const stateOf = ({ id, key, ruleId, raisedAt, base, floor, lines, acts, entries }: AlertRecord): Json => ({ v: 1, id, key, ruleId, raisedAt, base, floor, lines, acts, entries }) as unknown as Json

/** null for anything that is not an alert this version wrote. */
export function parseRecord(value: Json, rules: LifeRules): AlertRecord | null {
  if (!isObject(value) || value.v !== 1) return null
  const { id, key, ruleId, raisedAt, base, floor, lines, acts, entries } = value
  if (!isText(id) || !isText(key) || !isText(ruleId) || !isTime(raisedAt) || !isTime(floor) || !isLife(base)) return null
  if (!isList(lines, isLine) || !isList(acts, isText) || !isList(entries, isEntry)) return null
  const record = { id, key, ruleId, raisedAt, base, floor, lines: lines as unknown as AlertEntry[], acts: acts as string[], entries: entries as unknown as Entry[] }
  return { ...record, life: fold(base, record.entries, rules), recent: [] }
}

/** As written before alerts had a life: open, and nothing else known. */
export function parseFirst(value: Json): AlertRecord | null {
  if (!isObject(value) || value.state !== 'raised' || !isText(value.id) || !isText(value.key) || !isText(value.ruleId) || !isTime(value.raisedAt) || !isSubject(value)) return null
  const { id, key, ruleId, raisedAt: at, severity, title, data } = value
  const entry: Entry = { kind: 'raise', at, subject: { severity, title, data } as unknown as Subject }
  const record = newRecord({ id, key, ruleId }, entry)
  add(record, entry, { reopenScore: 0 })
  return record
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isList = (value: unknown, is: (item: unknown) => boolean): value is readonly unknown[] => Array.isArray(value) && value.every(is)
const isOneOf = (value: unknown, words: readonly unknown[]): boolean => words.includes(value)
export const isSeverity = (value: unknown): value is Severity => isOneOf(value, [1, 2, 3, 4])
const isSubject = (value: unknown): boolean => isObject(value) && isSeverity(value.severity) && isObject(value.title) && isText(value.title.zh) && isText(value.title.en) && isObject(value.data)
const isLine = (value: unknown): boolean => isObject(value) && isTime(value.at) && isText(value.what)

function isLife(value: unknown): value is Life & JsonObject {
  return isObject(value) && isOneOf(value.state, ['raised', 'acknowledged', 'resolved', 'closed']) && isOneOf(value.condition, ['active', 'returned', 'momentary']) && isSubject(value.subject)
    && [value.count, value.lastRaisedAt, value.changedAt, value.askedAt, value.escalation, value.reopened].every(isTime)
}

function isEntry(value: unknown): boolean {
  if (!isObject(value) || !isTime(value.at)) return false
  switch (value.kind) {
    case 'raise': return isSubject(value.subject)
    case 'clear': return isObject(value.data)
    case 'chatter': return isTime(value.raises) && typeof value.active === 'boolean' && isTime(value.last)
    case 'suppress': return isText(value.parent)
    case 'escalate': return isTime(value.step) && isList(value.notify, isText) && isList(value.mention, isText)
    case 'close': return isOneOf(value.reason, ['returned', 'time', 'room'])
    case 'note': return isText(value.what)
    case 'act': return isObject(value.act) && isText(value.act.id) && isText(value.act.by) && isOneOf(value.act.act, Object.keys(wordOf))
    case 'calm': case 'release': case 'return': return true
    default: return false
  }
}
