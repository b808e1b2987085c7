import path from 'node:path'
import type { BaseStream, PerStream, Position, Stream } from '../contract/index.ts'

/**
 * The database's layout, all keys text and ordered:
 *   r/<stream>/<epoch>/<seq>   a record, framed (record.ts); a selection stands under its name
 *   h/<stream>                 the stream's head, in the batch of its last record: survives the record's deletion
 *   p/<reader>/<stream>        a reader's settled place
 *   t/<stream>                 everything up to here was removed on purpose
 *   d/<reader>/<stream>/…      dead letters
 *   q/<key>                    damaged records, as they were found under that key
 *   s/<key>                    state of rules, alerts, repeats
 * and a fence at the end of each range (opening.ts).
 */
const codes: Readonly<Record<BaseStream, string>> = { alert: 'a', event: 'e', ledger: 'l', telemetry: 't' }
const seqDigits = 12
const epochLength = 17
/** A selection's name is longer than a base stream's code, or marked: it never meets one. */
const codeOf = (stream: Stream): string => (Object.hasOwn(codes, stream) ? codes[stream as BaseStream] : `s-${stream}`)

/** `00000001-a1b2c3d4`: fixed width, so that epochs sort by age. */
export const epochName = (counter: number, tail: string): string => `${String(counter).padStart(8, '0')}-${tail}`
export const epochPattern = /^(\d{8})-[0-9a-f]{8}$/
export const epochCounter = (epoch: string): number => Number(epochPattern.exec(epoch)?.[1] ?? 0)

export const recordPrefix = (stream: Stream): string => `r/${codeOf(stream)}/`
export const recordKey = (stream: Stream, { epoch, seq }: Position): string => `r/${codeOf(stream)}/${epoch}/${seq.toString(16).padStart(seqDigits, '0')}`
/** The end of a stream's keys. */
export const recordEnd = (stream: Stream): string => `r/${codeOf(stream)}0`

/** The end of one epoch's keys. */
export const epochEnd = (stream: Stream, epoch: string): string => `r/${codeOf(stream)}/${epoch}0`

export function positionOf(key: string): Position {
  return { epoch: key.slice(-seqDigits - 1 - epochLength, -seqDigits - 1), seq: Number.parseInt(key.slice(-seqDigits), 16) }
}

export const headKey = (stream: Stream): string => `h/${stream}`
export const trimKey = (stream: Stream): string => `t/${stream}`
/**
 * A reader of the building's own, such as a channel to people (`notify:duty`); an uplink's id holds no colon. What it has read the city has not,
 * so it is no reason to let anything go, nor to call it delivered.
 */
export const isLocal = ({ name }: { readonly name: string }): boolean => name.includes(':')
/** All places of a reader lie between this and the same with its last character one up. */
export const placesOf = (reader: string): string => `p/${reader}/`
export const placeKey = (reader: string, stream: Stream): string => `p/${reader}/${stream}`
export const deadLetterPrefix = 'd/'
export const deadLetterKey = (reader: string, stream: Stream, at: Position): string => `${deadLetterPrefix}${reader}/${stream}/${at.epoch}/${at.seq.toString(16).padStart(seqDigits, '0')}`
export const quarantineKey = (key: string): string => `q/${key}`
export const stateKey = (key: string): string => `s/${key}`

/** Negative, zero or positive, as `a` lies before, at or after `b`; null lies before everything. */
export function compare(a: Position | null, b: Position | null): number {
  if (!a || !b) return (a ? 1 : 0) - (b ? 1 : 0)
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1
  return a.seq - b.seq
}

export const perStream = <T>(streams: readonly Stream[], make: (stream: Stream) => T): PerStream<T> =>
  Object.fromEntries(streams.map((stream) => [stream, make(stream)])) as PerStream<T>

/** Beside the journal's own files. */
export const databaseIn = (folder: string): string => path.join(folder, 'log')
