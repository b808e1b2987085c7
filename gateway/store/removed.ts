import type { Position, Stream } from '../contract/index.ts'
import type { Level } from './database.ts'
import { compare, epochEnd, headKey, positionOf, recordEnd, recordKey, recordPrefix, trimKey } from './keys.ts'
import type { Gap, Trim } from './opening.ts'
import type { Place } from './reader.ts'
import { unseal } from './sealed.ts'

/** Streams that the database holds and the site file names no more. */
export async function removedStreams(level: Level, streams: readonly Stream[]): Promise<readonly Stream[]> {
  const keys = await level.keys({ gt: 'h/', lt: 'h0' }).all()
  return keys.map((key) => key.slice('h/'.length)).filter((stream) => !streams.includes(stream))
}

/** What some reader had still to get of it. Looks at the two ends of each epoch only. */
export async function owedOf(level: Level, stream: Stream, places: ReadonlyMap<string, Readonly<Record<Stream, Place>>>): Promise<readonly Gap[]> {
  const readers = [...places].flatMap(([name, each]) => (each[stream] ? [{ name, at: each[stream].at }] : []))
  if (readers.length === 0) return []
  const trimmed = unseal<Trim>(trimKey(stream), await level.get(trimKey(stream)))?.at ?? null
  const slowest = readers.map(({ at }) => at).reduce((a, b) => (compare(a, b) <= 0 ? a : b))
  const gaps: Gap[] = []
  for (let after: Position | null = compare(slowest, trimmed) >= 0 ? slowest : trimmed; ;) {
    const [first] = await level.keys({ gt: after ? recordKey(stream, after) : recordPrefix(stream), lt: recordEnd(stream), limit: 1 }).all()
    if (first === undefined) return gaps
    const { epoch, seq: from } = positionOf(first)
    const [last] = await level.keys({ gte: first, lt: epochEnd(stream, epoch), reverse: true, limit: 1 }).all()
    after = positionOf(last!)
    const { seq: to } = after
    const uplinks = readers.filter(({ at }) => compare(at, { epoch, seq: to }) < 0).map(({ name }) => name)
    gaps.push({ stream, epoch, from, to, reason: 'removed', uplinks, hashBefore: '', hashAfter: '' })
  }
}

export async function removeStream(level: Level, stream: Stream): Promise<void> {
  await level.clear({ gt: recordPrefix(stream), lt: recordEnd(stream) })
  await level.batch([headKey(stream), trimKey(stream)].map((key) => ({ type: 'del' as const, key })))
}
