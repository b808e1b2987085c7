import { mkdir } from 'node:fs/promises'
import { StoreError, type Logger } from '../kit/index.ts'
import { databaseIn } from './keys.ts'
import { openLevel, type Level } from './level.ts'

/**
 * The journal's database as a stream of bytes, for a backup: `[u32 length of key][u32 length of value][key][value]`, little-endian; two
 * zeros end it. The LevelDB files of a gateway that runs cannot be copied: they change under the hand of whoever copies.
 */
export type CopiedEntry = readonly [key: string, value: Uint8Array]

const headBytes = 8
const chunkBytes = 1 << 20
const maxKeyBytes = 1 << 10
const maxValueBytes = 16 << 20
/** A record of a stream, delivered or not. */
export const isRecord = (key: string): boolean => key.startsWith('r/')
/** LevelDB can read tables while it fills them, but a batch is whole in memory. */
const batchBytes = 2 << 20

/** As of now, whatever is written meanwhile. */
export const entriesOf = (level: Level): AsyncIterable<CopiedEntry> => level.iterator()

/** Of a gateway that does not run; `folder` is the journal's. Throws StoreError STORE_LOCKED, STORE_UNUSABLE. */
export async function* entriesIn(folder: string, log: Logger): AsyncGenerator<CopiedEntry> {
  const { level } = await openLevel(databaseIn(folder), log)
  try { yield* entriesOf(level) } finally { await level.close() }
}

/** In chunks of about a megabyte. */
export async function* packEntries(entries: AsyncIterable<CopiedEntry>): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = []
  let bytes = 0
  for await (const [key, value] of entries) {
    const name = Buffer.from(key)
    const head = Buffer.alloc(headBytes)
    head.writeUInt32LE(name.length, 0)
    head.writeUInt32LE(value.length, 4)
    parts.push(head, name, value)
    if ((bytes += headBytes + name.length + value.length) < chunkBytes) continue
    yield Buffer.concat(parts)
    parts = []
    bytes = 0
  }
  yield Buffer.concat([...parts, Buffer.alloc(headBytes)])
}

/** Throws StoreError COPY_TORN where it does not end as it should, or is none. */
export async function* unpackEntries(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CopiedEntry> {
  let rest = Buffer.alloc(0)
  let ended = false
  for await (const chunk of chunks) {
    if (ended) throw torn()
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    let at = 0
    while (rest.length - at >= headBytes) {
      const [keyBytes, valueBytes] = [rest.readUInt32LE(at), rest.readUInt32LE(at + 4)]
      ended = keyBytes === 0
      if (keyBytes > maxKeyBytes || valueBytes > maxValueBytes || (ended && (valueBytes > 0 || rest.length > at + headBytes))) throw torn()
      const end = at + headBytes + keyBytes + valueBytes
      if (ended || rest.length < end) break
      yield [rest.toString('utf8', at + headBytes, at + headBytes + keyBytes), rest.subarray(at + headBytes + keyBytes, end)]
      at = end
    }
    rest = rest.subarray(at)
  }
  if (!ended) throw torn()
}

const torn = (): StoreError => new StoreError('COPY_TORN', 'the copy of the journal is torn: it does not end as it should; make the backup again')

/**
 * A new database in the journal's `folder`, on disk when it resolves; answers how many records wait in it to be delivered or have been. Without `records`
 * what waited is left out: the next opening declares it as a gap. Throws StoreError STORE_UNUSABLE, COPY_TORN.
 */
export async function fillStore(folder: string, entries: AsyncIterable<CopiedEntry>, { records, log }: { readonly records: boolean; readonly log: Logger }): Promise<number> {
  await mkdir(databaseIn(folder), { recursive: true, mode: 0o700 })
  const { level } = await openLevel(databaseIn(folder), log)
  try {
    let batch = level.batch()
    let bytes = 0
    let count = 0
    for await (const [key, value] of entries) {
      if (isRecord(key) && !records) continue
      if (isRecord(key)) count++
      batch.put(key, Buffer.from(value))
      if ((bytes += key.length + value.length) < batchBytes) continue
      await batch.write()
      batch = level.batch()
      bytes = 0
    }
    await batch.write({ sync: true })
    return count
  } finally {
    await level.close()
  }
}
