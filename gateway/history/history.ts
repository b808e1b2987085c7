import type { Chart, DeviceStatus, EpochMs, History, HistoryIntake, HistorySpan, HistoryStatistics, Occurrence, PointId, Reading, HistoryEntry } from '../contract/index.ts'
import { arrivalOf } from '../kit/arrival.ts'
import { Book, noteRun, pointHour, union } from './books.ts'
import { drawChart, type HourOfPoint } from './chart.ts'
import { encodeMinutes, type FreshRow } from './minute-block.ts'
import { Minutes } from './minutes.ts'
import { decodeRaw, RawBlock } from './raw-block.ts'
import { breakMs, type Recovered } from './recovery.ts'
import { hourMs, minuteMs, plausible, type Held, type Row } from './rows.ts'
import { Writer, type WriterOptions } from './writer.ts'

export type HistoryOptions = WriterOptions

/** A killed process loses at most so much. */
const flushMs = 10_000
/** After a full minute, for readings still on their way. */
const lagMs = 5_000
/** Late rows in memory; more are brought to their files at once. */
const maxLateRows = 5_000
/** Hours in memory while their files cannot be written. */
const maxBooks = 4
/** Steps of the clock that are told apart in an hour. */
const maxRuns = 100
/** A clock set backwards by less is only jitter. */
const jitterMs = 1_000

/**
 * What arrives goes into a raw block, readings into the open minute too; both synchronous and in memory. A block is appended to the log
 * when it is full or 10 s old, the rows of a minute shortly after its end, and an hour's rows become a file when the hour is over.
 */
export class FileHistory implements History, HistoryIntake, AsyncDisposable {
  readonly #options: HistoryOptions
  readonly #raw = new RawBlock()
  readonly #minutes: Minutes
  readonly #writer: Writer
  /** The running hour, hours with late rows, and those whose file could not be written. */
  readonly #books = new Map<number, Book>()
  /** Those that wait for the disk to become files, the earlier first. */
  readonly #filing = new Set<Book>()
  /** Rows that are not in the log yet. */
  #fresh: FreshRow[] = []
  /** When the gateway ran, oldest first, as far as it is in no hour's file; the last one is now. */
  #alive: [from: EpochMs, to: EpochMs][]
  /** The last moment heard of. */
  #seen: EpochMs
  #hour: number
  #late = 0
  #closed = false
  #cancelFlush: (() => void) | null = null
  #cancelBeat: () => void = () => {}
  readonly #counters = { readings: 0, ticks: 0 }

  constructor(options: HistoryOptions) {
    this.#options = options
    const now = options.clock.now()
    this.#seen = now
    this.#alive = [[now, now]]
    this.#hour = Math.floor(now / hourMs)
    this.#minutes = new Minutes({ row: (id, row) => this.#row(id, row), opening: (id, hour, held) => { this.#book(hour).point(id).opening ??= held } })
    this.#writer = new Writer(options, (found) => this.#recovered(found))
    this.#planBeat()
  }

  readings(readings: readonly Reading[]): void {
    if (this.#closed) return
    for (const reading of readings) {
      this.#see(reading.receivedAt)
      this.#raw.add(reading)
      this.#minutes.add(reading)
      if (this.#raw.full) this.#flush()
    }
    this.#counters.readings += readings.length
    this.#planFlush()
  }

  tick(at: EpochMs): void {
    if (this.#closed) return
    this.#see(at)
    this.#counters.ticks++
    this.#raw.tick(at)
    this.#put()
  }

  /** The rules begin anew from their states; a backtest does the same here. Before the first reading. */
  restarted(at: EpochMs): void {
    if (this.#closed) return
    this.#see(at)
    this.#raw.restart(at)
    this.#put()
  }

  occurrence(occurrence: Occurrence, receivedAt: EpochMs): void {
    if (this.#closed) return
    this.#see(receivedAt)
    this.#raw.occurrence(occurrence, receivedAt)
    this.#put()
  }

  /** Its time is the driver's: it says nothing about ours. */
  device(status: DeviceStatus): void {
    if (this.#closed) return
    this.#raw.device(status)
    this.#put()
  }

  chart(point: PointId, from: EpochMs, to: EpochMs, maxPoints: number): Promise<Chart> {
    return this.#writer.ask(() => drawChart({ hours: (first, last) => this.#hours(first, last), hourOf: (hour, id) => this.#hourOf(hour, id) }, point, from, to, maxPoints))
  }

  async *replay(from: EpochMs, to: EpochMs): AsyncGenerator<HistoryEntry> {
    this.#flush()
    const { log } = this.#writer
    const { segments, last } = await this.#writer.ask(async () => ({ segments: [...log.segments], last: log.last }))
    for (const segment of segments) {
      if (segment.times && (segment.times.to < from || segment.times.from >= to)) continue
      for await (const { payload } of log.blocks(segment, (head) => head.kind === 'raw' && head.seq <= last && head.to >= from && head.from < to, () => this.#writer.damage())) {
        for (const input of this.#decoded(payload)) {
          const at = arrivalOf(input)
          if (at >= from && at < to) yield input
        }
      }
    }
  }

  span(): Promise<HistorySpan> {
    this.#flush()
    return this.#writer.ask(async () => {
      const [first] = this.#hours(-Infinity, Infinity)
      const [oldest] = this.#writer.log.segments
      if (oldest && !oldest.times) for await (const _ of this.#writer.log.heads(oldest));
      const raw = oldest?.times?.from
      return { minutes: first === undefined ? null : first * hourMs, raw: raw !== undefined && Number.isFinite(raw) ? raw : null, to: this.#seen }
    })
  }

  statistics(): HistoryStatistics {
    const { log, files, lost, damaged, paused } = this.#writer
    const raw = log.segments[0]?.times?.from ?? Infinity
    const oldest = { minutes: this.#oldestMinute(), raw: Number.isFinite(raw) && raw >= plausible ? raw : null }
    return { ...this.#counters, lost, damaged, paused, oldest, maxBytes: this.#options.maxBytes, bytes: log.bytes + files.bytes, bytesWritten: log.bytesWritten + files.bytesWritten }
  }

  /** Of the oldest hour, from when the gateway ran: what a device brought of the time before is no history of it. */
  #oldestMinute(): EpochMs | null {
    const { files } = this.#writer
    const books = [...this.#filing, ...this.#books.values()]
    const hours = [...(files.first === null ? [] : [files.first]), ...books.map(({ hour }) => hour)].map((hour) => hour * hourMs).filter((at) => at >= plausible)
    if (hours.length === 0) return null
    const ran = [...(files.ranFrom === null ? [] : [files.ranFrom]), ...[...books.flatMap(({ alive }) => alive), ...this.#alive].map(([from]) => from)].filter((at) => at >= plausible)
    return ran.length === 0 ? Math.min(...hours) : Math.max(Math.min(...hours), Math.min(...ran))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#cancelBeat()
    this.#see(this.#options.clock.now())
    this.#minutes.end(this.#seen)
    this.#flush()
    this.#putMinutes(null)
    this.#closed = true
    await this.#writer.close()
  }

  // ── time ──

  /** Follows the wall clock. A step, or a time the process did not live, ends the run it was in. */
  #see(now: EpochMs): void {
    const ahead = now - this.#seen
    if (ahead >= -jitterMs && ahead <= breakMs) {
      if (ahead > 0) this.#alive.at(-1)![1] = this.#seen = now
      return
    }
    if (ahead > breakMs) this.#writer.distrustAge()
    this.#minutes.rebase(this.#seen, now)
    this.#alive.push([now, now])
    if (this.#alive.length > maxRuns) this.#alive.shift()
    this.#seen = now
    this.#flush()
    this.#putMinutes(null)
  }

  #planBeat(): void {
    const past = (this.#options.clock.now() - lagMs) % minuteMs
    this.#cancelBeat = this.#options.clock.after(past < 0 ? -past : minuteMs - past, () => { this.#beat(); this.#planBeat() })
  }

  /** Once a minute, a little after its end. */
  #beat(): void {
    const now = this.#options.clock.now()
    this.#see(now)
    this.#minutes.closeBefore(now)
    this.#flush()
    this.#putMinutes(Math.floor(now / minuteMs) * minuteMs)
    const hour = Math.floor(now / hourMs)
    if (hour !== this.#hour || this.#late > maxLateRows || (this.#writer.failing && this.#books.size > 1)) this.#turn(hour)
    this.#writer.run(() => this.#writer.trim(now))
  }

  // ── to disk ──

  #put(): void {
    if (this.#raw.full) this.#flush()
    this.#planFlush()
  }

  #planFlush(): void {
    if (this.#raw.count > 0) this.#cancelFlush ??= this.#options.clock.after(flushMs, () => this.#flush())
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = null
    const { count, from, to } = this.#raw
    if (count === 0) return
    if (this.#writer.willing(count)) this.#writer.append('raw', from, to, this.#raw.encode(), count)
    this.#raw.clear()
  }

  /** `after`: see {@link encodeMinutes}. */
  #putMinutes(after: EpochMs | null): void {
    const fresh = this.#fresh.filter(({ row }) => row.minute * minuteMs >= plausible)
    this.#fresh = []
    if (this.#writer.willing(0)) this.#writer.append('minutes', this.#seen, this.#seen, encodeMinutes(fresh, this.#alive.slice(-2), after), 0)
  }

  /** Hours that are over become files; a 1970 that was no time at all is dropped. */
  #turn(hour: number): void {
    this.#hour = hour
    this.#late = 0
    for (const span of this.#alive) noteRun(span, (each) => this.#book(each))
    if (this.#books.get(hour - 1)?.alive.length) for (const id of this.#minutes.ids()) this.#book(hour - 1).point(id).opening ??= this.#openingOf(hour - 1, id)
    this.#fileBefore(hour)
    this.#alive = this.#alive.slice(-1)
  }

  /** `upTo`: the last block whose rows they hold; the last there is when their turn comes, unless said. */
  #fileBefore(hour: number, upTo?: number): void {
    for (const book of this.#books.values()) {
      if (book.hour === hour) continue
      this.#books.delete(book.hour)
      if (book.hour * hourMs < plausible) continue
      this.#filing.add(book)
      this.#writer.run(() => this.#file(book, upTo ?? this.#writer.log.last))
    }
  }

  async #file(book: Book, upTo: number): Promise<void> {
    this.#filing.delete(book)
    try {
      await this.#writer.files.add(book, upTo)
    } catch (error) {
      // Back to memory for the next try, unless there is much already.
      const known = this.#books.get(book.hour)
      if (known) known.absorb(book)
      else if (this.#books.size < maxBooks) this.#books.set(book.hour, book)
      throw error
    }
  }

  /** What the last run left. It is the earlier part of whatever is here by now; where its hour ended before it was read, of what waits to be filed. */
  #recovered({ books, fresh, alive }: Recovered): void {
    const bookOf = (hour: number): Book => this.#filingOf(hour)[0] ?? this.#book(hour)
    for (const book of books.values()) bookOf(book.hour).absorb(book)
    this.#fresh.unshift(...fresh)
    for (const span of union(alive)) noteRun(span, bookOf)
    // After a long outage their blocks are too old to stay. Not where that life ran in this hour too: of its blocks a file would be taken to know all.
    const lastHour = Math.max(...books.keys(), ...alive.map(([, to]) => Math.floor(to / hourMs)))
    if (lastHour < this.#hour) this.#fileBefore(this.#hour, this.#writer.log.last)
  }

  // ── books ──

  #row(id: PointId, row: Row): void {
    this.#fresh.push({ id, row })
    const hour = Math.floor(row.minute / 60)
    if (hour !== this.#hour) this.#late++
    this.#book(hour).point(id).put(row)
  }

  #book(hour: number): Book {
    let book = this.#books.get(hour)
    if (!book) this.#books.set(hour, book = new Book(hour))
    return book
  }

  #filingOf(hour: number): Book[] { return [...this.#filing].filter((book) => book.hour === hour) }

  /** In the running hour and the one before: a point that did not change held what it had when the next began. */
  #openingOf(hour: number, id: PointId): Held | null {
    const known = this.#books.get(hour)?.points.get(id)
    if (known && (known.opening || known.size > 0)) return known.opening
    const next = this.#books.get(hour + 1)?.points.get(id)
    return next ? next.opening : this.#minutes.touchedSince(id, hour * hourMs) ? null : this.#minutes.held(id)
  }

  /** Of which anything is known, in order. */
  #hours(first: number, last: number): number[] {
    const hours = new Set([...this.#writer.files.hours(), ...[...this.#filing].map((book) => book.hour), ...this.#books.keys(), Math.floor(this.#seen / hourMs)])
    return [...hours].filter((hour) => hour >= first && hour <= last).toSorted((a, b) => a - b)
  }

  async #hourOf(hour: number, id: PointId): Promise<HourOfPoint> {
    const stored = await this.#writer.files.point(hour, id)
    const waiting = this.#filingOf(hour)
    const books = [...waiting, this.#books.get(hour)]
    const known = [stored?.point, ...books.map((book) => book?.points.get(id))]
    const all = pointHour(hour, ...known)
    const open = this.#minutes.peek(id, this.#seen)
    if (open && Math.floor(open.minute / 60) === hour) all.put(open)
    const running = !stored && waiting.length === 0 && hour >= Math.floor(this.#seen / hourMs) - 1
    return {
      opening: running ? this.#openingOf(hour, id) : known.find((part) => part?.opening)?.opening ?? null,
      rows: all.rows(), alive: union([...stored?.alive ?? [], ...books.flatMap((book) => book?.alive ?? []), ...this.#alive]),
    }
  }

  #decoded(payload: Buffer): readonly HistoryEntry[] {
    try { return decodeRaw(payload) } catch (error) { this.#writer.damage(error); return [] }
  }
}
