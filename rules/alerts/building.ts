import type { ClearAlert, EpochMs, Mode, RaiseAlert } from '../../gateway/contract/index.ts'
import { floodKey, type AlertBook } from './book.ts'
import { closeReturned, nextDecision } from './decisions.ts'
import type { Entry, Subject } from './entries.ts'
import { explains, isFresh, mayExplain } from './parents.ts'
import { notBefore, type AlertRecord } from './record.ts'
import { nobody } from './roster.ts'

export interface BuildingParts { readonly book: AlertBook; newId(): string; now(): EpochMs; readonly maxOpen: number }

export const fullKey = 'gateway/alerts/full'
const gatewayAlert = { kind: 'raise', ruleId: 'gateway', severity: 2 } as const
const floodAlert = { ...gatewayAlert, key: floodKey, title: { zh: '短时间内报警过多，已合并通知', en: 'many alerts at once; they are told together' } }
const fullAlert = { ...gatewayAlert, key: fullKey, title: { zh: '未处理报警过多，次要报警已移除', en: 'too many open alerts; the least grave were let go' } }

/** What the building does to alerts: conditions come and go, explain each other, and come too often. */
export class Building {
  readonly #parts: BuildingParts
  constructor(parts: BuildingParts) { this.#parts = parts }

  raise(effect: RaiseAlert): void {
    const { book, now } = this.#parts
    const at = Math.min(effect.at, now())
    const subject = subjectOf(effect)
    const known = book.newest(effect.key)
    if (known && isSameAgain(known, at, book.config.reopenWithin)) this.#again(known, subject, Math.max(at, notBefore(known)))
    else this.#begin(effect, subject, at)
  }

  clear(effect: ClearAlert): void {
    const { book, now } = this.#parts
    const record = book.newest(effect.key)
    if (!record || record.life.condition !== 'active' || isEnded(record)) return
    const at = Math.max(Math.min(effect.at, now()), notBefore(record))
    const growing = record.life.chattering ? record.entries.findLast((entry) => entry.kind === 'chatter') : undefined
    if (growing) book.replace(record, growing, { ...growing, active: false, last: at })
    else {
      book.add(record, { kind: 'clear', at, data: effect.data })
      book.tell(record, { at, state: 'cleared', data: effect.data })
      closeReturned(book, record, at)
    }
    this.release(record, at)
  }

  /** Children of what explains nothing any more have a moment to go with it. */
  release(parent: AlertRecord, at: EpochMs): void {
    const { book } = this.#parts
    if (!mayExplain(parent) || explains(parent)) return
    for (const child of book.records.values()) {
      if (child.life.suppressedBy !== parent.key || child.releaseAt !== undefined) continue
      child.releaseAt = at + book.config.adopt
      child.wakeAt = nextDecision(book, child)
    }
  }

  /** Its device is worked on no longer: what is still so is told as any other. */
  unmute(record: AlertRecord, now: EpochMs): void {
    const { mode, ...subject } = record.life.subject
    if (isEnded(record) || (mode !== 'maintenance' && mode !== 'commissioning')) return
    const at = Math.max(now, notBefore(record))
    if (record.life.condition === 'returned') return closeReturned(this.#parts.book, record, at)
    this.#parts.book.add(record, { kind: 'raise', at, subject })
    this.#asks(record, 'raised', at, true)
  }

  #begin({ key, ruleId }: RaiseAlert, subject: Subject, at: EpochMs): void {
    const { book, newId } = this.#parts
    if (book.isFull && key !== fullKey && key !== floodKey) this.#makeRoom(at)
    const entry: Entry = { kind: 'raise', at, subject }
    const record = book.create({ id: newId(), key, ruleId }, entry)
    book.add(record, entry)
    record.recent.push(at)
    this.#asks(record, 'raised', at, true)
  }

  #again(record: AlertRecord, subject: Subject, at: EpochMs): void {
    const { book } = this.#parts
    const { life } = record
    const ended = isEnded(record)
    if (!ended && life.condition === 'active' && subject.severity >= life.subject.severity) return
    if (!ended && this.#chatters(record, at)) return
    book.add(record, { kind: 'raise', at, subject })
    this.#asks(record, ended ? 'reopened' : 'raised', at, life.state !== 'raised' || subject.severity < life.subject.severity || life.condition === 'momentary')
  }

  /** Tells it, unless something explains it. `fresh`: it was not waiting before, or is graver now. */
  #asks(record: AlertRecord, state: string, at: EpochMs, fresh: boolean): void {
    const { book } = this.#parts
    const parent = record.life.suppressedBy === undefined ? book.parentOf(record) : undefined
    if (parent) book.add(record, { kind: 'suppress', at, parent: parent.key })
    const floods = fresh && isCounted(record) && book.flood.add(at)
    book.tell(record, { at, state, data: record.life.subject.data, told: fresh ? book.toldAtFirst(record, at) : nobody })
    this.#adopt(record, at)
    if (floods) this.raise({ ...floodAlert, at, data: { count: book.flood.summary()?.count ?? 0 } })
  }

  /** True when it is counted and not told one by one. */
  #chatters(record: AlertRecord, at: EpochMs): boolean {
    const { book } = this.#parts
    const { raises, within } = book.config.chattering
    record.recent = [...record.recent.filter((time) => at - time <= within), at].slice(-(raises + 1))
    const growing = record.life.chattering ? record.entries.findLast((entry) => entry.kind === 'chatter') : undefined
    if (growing) { book.replace(record, growing, { ...growing, raises: growing.raises + 1, active: true, last: at }); return true }
    if (record.recent.length <= raises) return false
    book.add(record, { kind: 'chatter', at, raises: 1, active: true, last: at })
    record.toldAt = at
    record.toldCount = record.life.count
    book.tell(record, { at, state: 'chattering', told: book.toldAtFirst(record, at) })
    return true
  }

  /** What was raised right before the failure that explains it. */
  #adopt(parent: AlertRecord, at: EpochMs): void {
    const { book } = this.#parts
    if (!mayExplain(parent) || !explains(parent)) return
    for (const child of book.records.values()) {
      if (child.life.suppressedBy === parent.key) delete child.releaseAt
      if (!isFresh(child, parent, at, book.config.adopt) || !book.isParentOf(parent, child)) continue
      const when = Math.max(at, notBefore(child))
      book.add(child, { kind: 'suppress', at: when, parent: parent.key })
      book.tell(child, { at: when, state: 'suppressed' })
    }
  }

  #makeRoom(at: EpochMs): void {
    const { book, maxOpen } = this.#parts
    const record = book.leastNeeded()
    if (!record) return
    const when = Math.max(at, notBefore(record))
    book.add(record, { kind: 'close', at: when, reason: 'room' })
    book.tell(record, { at: when, state: 'closed', by: 'gateway', data: { reason: 'room', code: 'ALERT_LIMIT' } })
    book.forget(record)
    this.raise({ ...fullAlert, at, data: { open: maxOpen } })
  }
}

const isEnded = ({ life }: AlertRecord): boolean => life.state === 'resolved' || life.state === 'closed'

/** The same alert again, or another of the same condition? */
function isSameAgain(record: AlertRecord, at: EpochMs, withinMs: number): boolean {
  return !isEnded(record) || at - (record.life.resolved?.at ?? record.life.closedAt ?? at) <= withinMs
}

const isCounted = ({ key, life }: AlertRecord): boolean => life.subject.mode === undefined && key !== floodKey && life.shelved === undefined && life.suppressedBy === undefined

const marks: Partial<Record<Mode, { readonly zh: string; readonly en: string }>> = { test: { zh: '【测试】', en: 'TEST ' } }

function subjectOf({ severity, title, data, deviceId, place, momentary, mode }: RaiseAlert): Subject {
  const mark = mode === undefined ? undefined : marks[mode]
  return {
    severity, title: mark ? { zh: mark.zh + title.zh, en: mark.en + title.en } : title, data,
    ...(deviceId === undefined ? {} : { deviceId }), ...(place === undefined ? {} : { place }), ...(momentary ? { momentary } : {}), ...(mode === undefined ? {} : { mode }),
  }
}
