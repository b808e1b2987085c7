import type { EpochMs } from '../../gateway/contract/index.ts'
import type { AlertBook } from './book.ts'
import { notBefore, type AlertRecord } from './record.ts'

/** What the clock decides about one alert: ends of shelving, of tests, of chattering, of suppression; escalation; closing. */
export function decide(book: AlertBook, record: AlertRecord, now: EpochMs): void {
  const at = Math.max(now, notBefore(record))
  endTest(book, record, now, at)
  endShelving(book, record, now, at)
  endChattering(book, record, now, at)
  endSuppression(book, record, now, at)
  for (let next = nextStep(book, record); next && next.at <= now; next = nextStep(book, record)) {
    const told = book.toldAtStep(record, next.index, at)
    book.add(record, { kind: 'escalate', at, step: next.index + 1, ...told })
    book.tell(record, { at, state: 'escalated', by: 'gateway', data: { step: next.index + 1 }, told })
  }
  if (record.life.state === 'resolved' && closesAt(book, record) <= now) close(book, record, at, 'time')
}

/** When the clock next has something to decide here. */
export function nextDecision(book: AlertBook, record: AlertRecord): EpochMs | undefined {
  const { life, releaseAt } = record
  if (life.state === 'closed') return undefined
  if (life.state === 'resolved') return closesAt(book, record)
  const times = [
    testEnd(record), life.shelved?.until, life.chattering ? chatterNews(book, record) : undefined,
    life.suppressedBy === undefined ? undefined : releaseAt, nextStep(book, record)?.at,
  ].filter((time) => time !== undefined)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Closes what nobody has to answer, when its cause is gone: routine ones, the gateway's own, tests, and what a failure explained. */
export function closeReturned(book: AlertBook, record: AlertRecord, at: EpochMs): void {
  const { ruleId, life } = record
  if (life.condition !== 'returned' || life.chattering || (life.state !== 'raised' && life.state !== 'acknowledged')) return
  const { mode, severity } = life.subject
  if (ruleId === 'gateway' || mode !== undefined || life.suppressedBy !== undefined || book.config.autoResolve.includes(severity)) close(book, record, at, 'returned')
}

function close(book: AlertBook, record: AlertRecord, at: EpochMs, reason: 'returned' | 'time'): void {
  book.add(record, { kind: 'close', at, reason })
  book.tell(record, { at, state: 'closed', by: 'gateway', data: { reason } })
}

const closesAt = (book: AlertBook, { life }: AlertRecord): EpochMs => (life.resolved?.at ?? life.changedAt) + book.config.closeAfter

function testEnd({ life: { subject, condition } }: AlertRecord): EpochMs | undefined {
  return subject.mode === 'test' && condition === 'active' && typeof subject.data.endsAt === 'number' ? subject.data.endsAt : undefined
}

function endTest(book: AlertBook, record: AlertRecord, now: EpochMs, at: EpochMs): void {
  const end = testEnd(record)
  if (end === undefined || end > now) return
  book.add(record, { kind: 'clear', at, data: {} })
  book.tell(record, { at, state: 'cleared' })
  closeReturned(book, record, at)
}

function endShelving(book: AlertBook, record: AlertRecord, now: EpochMs, at: EpochMs): void {
  if (!record.life.shelved || record.life.shelved.until > now) return
  book.add(record, { kind: 'return', at })
  book.tell(record, { at, state: 'unshelved', by: 'gateway', ...(record.life.state === 'raised' ? { told: book.toldAtFirst(record, at) } : {}) })
  closeReturned(book, record, at)
}

const growing = (record: AlertRecord) => record.entries.findLast((entry) => entry.kind === 'chatter')

/** It is quiet, or told once in a while. */
function chatterNews(book: AlertBook, record: AlertRecord): EpochMs | undefined {
  const entry = growing(record)
  if (!entry) return undefined
  const { within } = book.config.chattering
  const news = record.life.count === (record.toldCount ?? record.life.count) ? Infinity : (record.toldAt ?? entry.at) + within
  return Math.min(entry.last + within, news)
}

function endChattering(book: AlertBook, record: AlertRecord, now: EpochMs, at: EpochMs): void {
  const entry = record.life.chattering ? growing(record) : undefined
  if (!entry || (chatterNews(book, record) ?? Infinity) > now) return
  record.toldAt = now
  record.toldCount = record.life.count
  if (entry.last + book.config.chattering.within > now) { book.tell(record, { at, state: 'chattering', by: 'gateway' }); return }
  book.add(record, { kind: 'calm', at })
  record.recent = []
  book.tell(record, { at, state: 'calmed', by: 'gateway' })
  closeReturned(book, record, at)
}

function endSuppression(book: AlertBook, record: AlertRecord, now: EpochMs, at: EpochMs): void {
  if (record.life.suppressedBy === undefined || record.releaseAt === undefined || record.releaseAt > now) return
  delete record.releaseAt
  const parent = book.parentOf(record)
  if (parent?.key === record.life.suppressedBy) return
  if (record.life.condition === 'returned') return closeReturned(book, record, at)
  book.add(record, { kind: 'release', at })
  if (parent) { book.add(record, { kind: 'suppress', at, parent: parent.key }); return }
  book.tell(record, { at, state: 'released', by: 'gateway', told: book.toldAtFirst(record, at) })
}

/** The next step of the escalation that no act has made needless. */
function nextStep(book: AlertBook, { life, ...record }: AlertRecord): { readonly index: number; readonly at: EpochMs } | undefined {
  if ((life.state !== 'raised' && life.state !== 'acknowledged') || life.shelved || life.suppressedBy !== undefined || life.subject.mode !== undefined) return undefined
  const steps = book.roster.steps(book.view({ life, ...record }))
  const index = steps.findIndex(({ until }, place) => place >= life.escalation && (until === 'resolved' || life.state === 'raised'))
  if (index < 0) return undefined
  // After a long sleep, or when the clock was set ahead, the steps still follow each other at their distance.
  const { afterMs } = steps[index]!
  const since = life.escalatedAt === undefined ? -Infinity : life.escalatedAt + afterMs - (steps[life.escalation - 1]?.afterMs ?? 0)
  return { index, at: Math.max(life.askedAt + afterMs, since) }
}
