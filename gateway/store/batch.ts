import type { GatewayEvent, PerStream, RecordEncoder, RecordHead, Selection, Stream, Work, EpochMs } from '../contract/index.ts'
import type { Operation } from './database.ts'
import type { Heads, StreamHead } from './heads.ts'
import { headKey, recordKey, stateKey } from './keys.ts'
import { encodeFrame, hashOf, pack, sizeOf } from './record.ts'
import type { Scanned } from './scan.ts'
import { putSealed } from './sealed.ts'

export interface Encoded {
  readonly operations: readonly Operation[]
  readonly heads: Heads
  /** As a reader takes them. */
  readonly records: readonly Scanned[]
  readonly readings: number
  /** Per work, what the encoder threw; undefined for those that are in the batch. */
  readonly refused: readonly unknown[]
}

export interface BatchOptions { readonly epoch: string; readonly encoder: RecordEncoder; readonly selections: readonly Selection[]; readonly at: EpochMs }

/**
 * Turns what waits into one batch. Pure apart from the encoder's look at the time quality: nothing is changed until the batch is
 * durable. A work whose event the encoder refuses is left out whole; the others are not touched.
 */
export function encodeBatch(works: readonly Work[], from: Heads, { epoch, encoder, selections, at }: BatchOptions): Encoded {
  const batch = new Batch(from, epoch, encoder, at)
  const ofEvents = selections.filter((selection) => selection.from !== 'telemetry')
  const ofReadings = selections.filter((selection) => selection.from === 'telemetry')
  const refused = works.map((work) => {
    const before = batch.save()
    try {
      for (const event of work.events ?? []) {
        batch.event(event.stream, event)
        for (const selection of ofEvents) if (selection.from === event.stream && selection.takesEvent(event)) batch.event(selection.stream, event)
      }
      for (const { stream, bytes } of work.again ?? []) batch.again(stream, bytes)
      return undefined
    } catch (error) {
      batch.restore(before)
      return error
    }
  })
  const accepted = works.filter((_, index) => refused[index] === undefined)
  const readings = accepted.flatMap((work) => work.readings ?? [])
  batch.telemetry('telemetry', readings)
  for (const { stream, takesReading } of ofReadings) batch.telemetry(stream, readings.filter(takesReading))
  const state = new Map<string, Operation>()
  for (const { key, value } of accepted.flatMap((work) => work.state ?? [])) {
    const full = stateKey(key)
    state.set(full, value === null ? { type: 'del', key: full } : putSealed(full, value))
  }
  return { ...batch.result(), operations: [...batch.result().operations, ...state.values()], readings: readings.length, refused }
}

class Batch {
  readonly #epoch: string
  readonly #encoder: RecordEncoder
  readonly #at: EpochMs
  #operations: Operation[] = []
  /** One for each operation. */
  #records: Scanned[] = []
  #heads: PerStream<StreamHead>
  readonly #from: Heads

  constructor(from: Heads, epoch: string, encoder: RecordEncoder, at: EpochMs) {
    this.#from = from
    this.#heads = { ...from }
    this.#epoch = epoch
    this.#encoder = encoder
    this.#at = at
  }
  save(): { readonly length: number; readonly heads: Heads } { return { length: this.#operations.length, heads: { ...this.#heads } } }
  restore({ length, heads }: { readonly length: number; readonly heads: Heads }): void {
    this.#operations.length = length
    this.#records.length = length
    this.#heads = { ...heads }
  }
  event(stream: Stream, event: GatewayEvent): void {
    const head = this.#head(stream)
    this.#append(head, this.#encoder.event(event, head))
  }
  telemetry(stream: Stream, readings: Parameters<RecordEncoder['telemetry']>[0]): void {
    for (let from = 0; from < readings.length;) {
      const head = this.#head(stream)
      const { bytes, next } = this.#encoder.telemetry(readings, from, head)
      this.#append(head, bytes)
      from = next
    }
  }
  again(stream: Stream, bytes: Uint8Array): void {
    const head = this.#head(stream)
    this.#append(head, this.#encoder.again(bytes, head))
  }
  result() {
    const written = Object.keys(this.#heads).filter((stream) => this.#heads[stream] !== this.#from[stream])
    const heads = written.map((stream): Operation => (putSealed(headKey(stream), this.#heads[stream])))
    return { operations: [...this.#operations, ...heads], heads: this.#heads, records: this.#records }
  }
  #head(stream: Stream): RecordHead {
    const last = this.#heads[stream]!
    return { stream, epoch: this.#epoch, ...(last.epoch === this.#epoch ? { seq: last.seq + 1, prevHash: last.hash } : { seq: 1, prevHash: '' }) }
  }
  #append({ stream, seq, prevHash }: RecordHead, bytes: Uint8Array): void {
    const last = this.#heads[stream]!
    const key = recordKey(stream, { epoch: this.#epoch, seq })
    const packed = pack(bytes)
    const frame = { ...packed, at: this.#at, prevHash, records: last.records + 1, bytes: last.bytes + sizeOf(packed.payload) }
    this.#operations.push({ type: 'put', key, value: encodeFrame(key, frame) })
    this.#records.push({ stream, epoch: this.#epoch, seq, at: this.#at, prevHash, encoding: packed.encoding, bytes: packed.payload, totals: { records: frame.records, bytes: frame.bytes } })
    this.#heads[stream] = { epoch: this.#epoch, seq, hash: hashOf(bytes), records: frame.records, bytes: frame.bytes, at: this.#at }
  }
}
