import type { Clock, EpochMs, Position, Stored, Stream } from '../gateway/contract/index.ts'
import { DataError } from '../gateway/kit/index.ts'

/** The platform's word on `{base}/ack`: everything of this stream and epoch up to `seq` is safe. */
export interface Confirmation extends Position { readonly stream: Stream }

interface Waiting extends Position { readonly at: EpochMs; readonly bytes: number; /** Monotonic time from which it is sent again; Infinity while it is in the air. */ dueAt: number }
interface Lane { readonly waiting: Map<string, Waiting>; /** Highest number published or refused, an epoch. */ readonly reached: Map<string, number>; highest: Position | null; bytes: number }

const resendAfterMs = 60_000
/** What may be on its way to the platform and unconfirmed, a stream: the journal holds the rest. */
const maxWaiting = 1_000
const maxWaitingBytes = 4 << 20
const maxEpochs = 64
const maxAckBytes = 1_024
const epochPattern = /^\d{8}-[0-9a-f]{8}$/
const streamPattern = /^[a-z0-9-]{1,48}$/

/** What one uplink has published and its platform has not yet confirmed. Outlives connections; a restart begins at the settled position. */
export class Confirmations {
  readonly counters = { confirmed: 0, ignored: 0 }
  readonly #clock: Clock
  readonly #lanes = new Map<Stream, Lane>()
  #quietSince: number | null = null

  constructor(clock: Clock) { this.#clock = clock }

  get waiting(): number { return [...this.#lanes.values()].reduce((sum, { waiting }) => sum + waiting.size, 0) }
  /** Time of the oldest record that waits. */
  get oldestAt(): EpochMs | null {
    const firsts = [...this.#lanes.values()].flatMap(({ waiting }) => waiting.values().take(1).map(({ at }) => at).toArray())
    return firsts.length === 0 ? null : Math.min(...firsts)
  }
  /** How long the platform has confirmed nothing although something waits. */
  get silentMs(): number { return this.#quietSince === null ? 0 : this.#clock.monotonic() - this.#quietSince }

  /** Of records taken in order: those to send now, and how many are passed, these included. The rest waits for room. */
  select(records: readonly Stored[]): { readonly send: readonly Stored[]; readonly passed: number } {
    const send: Stored[] = []
    const now = this.#clock.monotonic()
    let passed = 0
    let room = 0
    let bytes = 0
    for (const record of records) {
      const lane = this.#lane(record.stream)
      const entry = lane.waiting.get(keyOf(record))
      const isNew = !entry && isAfter(record, lane.highest)
      if (isNew && (lane.waiting.size + room >= maxWaiting || lane.bytes + bytes >= maxWaitingBytes)) break
      if (isNew) { room++; bytes += record.bytes.length }
      if (isNew || (entry && entry.dueAt <= now)) send.push(record)
      passed++
    }
    return { send, passed }
  }
  /** New, or unconfirmed and not in the air: asked again before it goes out, for a word may have come since it was selected. */
  wants(record: Stored): boolean {
    const entry = this.#lane(record.stream).waiting.get(keyOf(record))
    return entry ? entry.dueAt !== Infinity : !this.isKnown(record)
  }
  /** Published before, by this process. */
  isKnown(record: Stored): boolean { return !isAfter(record, this.#lane(record.stream).highest) }
  /** Published, answered by the broker, and not due again. */
  idleIn(stream: Stream): number {
    const now = this.#clock.monotonic()
    let count = 0
    for (const { dueAt } of this.#lane(stream).waiting.values()) if (dueAt > now && dueAt !== Infinity) count++
    return count
  }

  /** It goes out now; only what is wanted. */
  sent(record: Stored): void {
    const lane = this.#lane(record.stream)
    const entry = lane.waiting.get(keyOf(record))
    if (entry) { entry.dueAt = Infinity; return }
    lane.waiting.set(keyOf(record), { epoch: record.epoch, seq: record.seq, at: record.at, bytes: record.bytes.length, dueAt: Infinity })
    lane.bytes += record.bytes.length
    reach(lane, record)
  }

  /** The broker has it; the platform's time begins. */
  published(record: Stored): void {
    const entry = this.#lane(record.stream).waiting.get(keyOf(record))
    if (entry) entry.dueAt = this.#clock.monotonic() + resendAfterMs
    this.#quietSince ??= this.#clock.monotonic()
  }

  /** A declared gap: it counts as confirmed. */
  refused(record: Stored): void {
    const lane = this.#lane(record.stream)
    if (isAfter(record, lane.highest)) reach(lane, record)
    this.#remove(lane, keyOf(record))
  }

  /** What was in the air when the connection went is due at once; the platform's silence is not counted while there is no road to it. */
  disconnected(): void {
    for (const { waiting } of this.#lanes.values()) for (const entry of waiting.values()) if (entry.dueAt === Infinity) entry.dueAt = 0
    this.#quietSince = null
  }
  connected(): void { if (this.waiting > 0) this.#quietSince = this.#clock.monotonic() }

  /** Streams with something to send again. */
  due(): readonly Stream[] {
    const now = this.#clock.monotonic()
    return [...this.#lanes].filter(([, { waiting }]) => [...waiting.values()].some(({ dueAt }) => dueAt <= now)).map(([stream]) => stream)
  }

  /** The records to settle. Unknown epochs and numbers never published are counted and change nothing. */
  confirm({ stream, epoch, seq }: Confirmation): readonly Position[] {
    const lane = this.#lanes.get(stream)
    if (!lane || seq > (lane.reached.get(epoch) ?? 0)) { this.counters.ignored++; return [] }
    const settled = [...lane.waiting.values()].filter((entry) => entry.epoch === epoch && entry.seq <= seq)
    for (const entry of settled) this.#remove(lane, keyOf(entry))
    if (settled.length > 0) this.#quietSince = this.waiting > 0 ? this.#clock.monotonic() : null
    this.counters.confirmed += settled.length
    return settled.map((entry) => ({ epoch: entry.epoch, seq: entry.seq }))
  }

  #lane(stream: Stream): Lane {
    let lane = this.#lanes.get(stream)
    if (!lane) this.#lanes.set(stream, lane = { waiting: new Map(), reached: new Map(), highest: null, bytes: 0 })
    return lane
  }

  #remove(lane: Lane, key: string): void {
    const entry = lane.waiting.get(key)
    if (!entry) return
    lane.waiting.delete(key)
    lane.bytes -= entry.bytes
  }
}

function reach(lane: Lane, { epoch, seq }: Position): void {
  lane.highest = { epoch, seq }
  lane.reached.set(epoch, seq)
  const [oldest] = lane.reached.keys()
  if (lane.reached.size > maxEpochs && oldest !== undefined) lane.reached.delete(oldest)
}

/** `{"stream": …, "epoch": …, "seq": …}`; other keys are the platform's own. Throws DataError UPLINK_ACK_INVALID. */
export function parseConfirmation(payload: Uint8Array): Confirmation {
  if (payload.length > maxAckBytes) invalid(`${payload.length} bytes, at most ${maxAckBytes}`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (cause) {
    return invalid('not JSON in UTF-8', cause)
  }
  const { stream, epoch, seq } = typeof value === 'object' && value !== null ? value as Partial<Record<keyof Confirmation, unknown>> : invalid('not an object')
  if (typeof stream !== 'string' || !streamPattern.test(stream)) return invalid('"stream" is not the name of a stream')
  if (typeof epoch !== 'string' || !epochPattern.test(epoch)) return invalid('"epoch" is not an epoch')
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return invalid('"seq" is not a positive whole number')
  return { stream, epoch, seq }
}

function invalid(why: string, cause?: unknown): never { throw new DataError('UPLINK_ACK_INVALID', `not an acknowledgement: ${why}`, { cause }) }

const keyOf = ({ epoch, seq }: Position): string => `${epoch}/${seq}`
const isAfter = (a: Position, b: Position | null): boolean => b === null || a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)
