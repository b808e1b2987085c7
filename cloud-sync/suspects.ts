import type { Position, Stream } from '../gateway/contract/index.ts'

export interface Place extends Position { readonly stream: Stream }

/** So many connections in a row that the broker closed on the same first unacknowledged record. */
const deathsToSuspect = 3
/** So many times that it closed on this record alone, on a connection that worked until then. */
const strikesToCondemn = 3
/** So many of a suspected stream are answered one by one before it is trusted again. */
const answersToTrust = 20
/** So many given up in a row, without the broker answering one of the stream: then it is not the records. */
const givenUpToRest = 3
const restMs = 600_000

/**
 * Some brokers close the connection on a publish they do not like instead of refusing it (mosquitto 2.0 on a denied topic when its queue
 * is unlimited, any broker on a packet it finds too large). Such a record would hold up everything behind it for ever. It is found by
 * what it does: first by coincidence, then proven alone. Its stream is sent one record at a time meanwhile, after all others, so that
 * nothing else dies with it. A broker that merely dies, or a line that flaps, condemns nothing. One that closes on everything (RabbitMQ 3.10
 * does while a queue that rejects is full) costs three records and then one in ten minutes; the rest waits.
 */
export class Suspects {
  #first: Place | null = null
  #deaths = 0
  #strikes = 0
  readonly #careful = new Map<Stream, number>()
  readonly #resting = new Map<Stream, { givenUp: number; until: number }>()

  /** Its records are sent alone, one at a time. */
  isCareful(stream: Stream): boolean { return this.#careful.has(stream) }
  /** None of its records is sent for a while. `now`: monotonic. */
  isResting(stream: Stream, now: number): boolean { return now < (this.#resting.get(stream)?.until ?? -Infinity) }
  get anyCareful(): boolean { return this.#careful.size > 0 }
  /** Connections end because of what is sent, and not because of who else uses our client id. */
  get active(): boolean { return this.anyCareful || this.#deaths > 1 }
  /** It has had its chances and is given up. */
  isCondemned(record: Place): boolean { return this.#strikes >= strikesToCondemn && this.#first !== null && isSame(record, this.#first) }

  /** The broker closed the connection; `first` is the oldest publish it had not answered, `alone`: the only one, of a careful stream. */
  died(first: Place | null, alone: boolean): void {
    if (!first) { if (this.#strikes === 0) this.#forget(); return }
    if (!this.#first || !isSame(first, this.#first)) {
      this.#forget()
      this.#first = { stream: first.stream, epoch: first.epoch, seq: first.seq }
    }
    this.#deaths++
    if (alone) this.#strikes++
    if (this.#deaths >= deathsToSuspect) this.#careful.set(first.stream, answersToTrust)
  }

  /** It had its chances: the next of this stream is another matter. */
  givenUp(stream: Stream, now: number): void {
    const givenUp = (this.#resting.get(stream)?.givenUp ?? 0) + 1
    this.#resting.set(stream, { givenUp, until: givenUp >= givenUpToRest ? now + restMs : -Infinity })
    this.#forget()
  }

  /** The broker had its say. */
  answered(stream: Stream): void {
    this.#resting.delete(stream)
    const left = this.#careful.get(stream)
    if (left === undefined) return
    if (this.#first?.stream === stream) this.#forget()
    if (left > 1) this.#careful.set(stream, left - 1)
    else this.#careful.delete(stream)
  }

  /** Connections end for another reason: a coincidence is none any more. */
  clear(): void { if (this.#strikes === 0) this.#forget() }

  #forget(): void {
    this.#first = null
    this.#deaths = 0
    this.#strikes = 0
  }
}

const isSame = (a: Place, b: Place): boolean => a.stream === b.stream && a.epoch === b.epoch && a.seq === b.seq
