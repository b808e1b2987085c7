import path from 'node:path'
import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { zstdDecompressSync } from 'node:zlib'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { createVerifier } from '../../cloud-sync/verify/verifier.ts'
import type { Clock, GatewayEvent, Journal, JournalReader, Stream, TimeQuality } from '../../gateway/contract/index.ts'
import { silentLog, systemClock, systemRandom } from '../../gateway/kit/index.ts'
import { openJournal, type JournalOptions } from '../../gateway/store/index.ts'

/** What the journal acknowledged, by the number its producer gave it: an event's `data.n`, a reading's value. `stream`: event, if it is not named. */
export interface Produced { readonly n: number; readonly epoch: string; readonly seq: number; readonly stream?: Stream }

const topic = (stream: string): string => `linli/v1/420106/hall-1/up/${stream}`

/** Opens a journal with the city's own format. The caller disposes it. */
export const openStore = (folder: string, options: Partial<JournalOptions> & { readonly timeQuality?: () => TimeQuality; readonly clock?: Clock } = {}): Promise<Journal> => openJournal({
  folder, encoder: createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 1 << 20, timeQuality: options.timeQuality ?? (() => 'synced') }), clock: systemClock, random: systemRandom,
  log: silentLog(), commitMs: 5, maxBytes: 1 << 30, ...options,
})

export const numbered = (n: number, text = ''): GatewayEvent => ({ stream: 'event', type: 'kiosk', at: n, data: { n, ...(text ? { text } : {}) } })

/** Commits event `n` alone and gives its place. */
export async function produce(journal: Journal, n: number, text = ''): Promise<Produced> {
  await journal.commit({ events: [numbered(n, text)], urgent: true })
  const { epoch, seq } = journal.heads().event
  return { n, epoch, seq }
}

/** What a city has of one gateway's store, checked as it checks. `reader`: over whose uplink, and `streams` of them, if not all. `complete`: it has everything, so each epoch but the last must be closed. */
export class StoreCity {
  readonly #reader: string
  readonly verifier
  readonly received = new Set<number>()
  readonly order: number[] = []
  readonly gaps: { readonly stream: string; readonly epoch: string; readonly from: number; readonly to: number; readonly reason: string; readonly uplinks?: readonly string[] }[] = []
  /** Ids that came with two contents: never. */
  readonly twice: string[] = []
  readonly #contents = new Map<string, string>()
  /** By stream, in the order of their first arrival. */
  readonly #numbers = new Map<Stream, Set<number>>()

  constructor({ reader = 'city', streams, complete = false }: { readonly reader?: string; readonly streams?: readonly Stream[]; readonly complete?: boolean } = {}) {
    this.#reader = reader
    this.verifier = createVerifier({ fromStart: true, uplink: reader, complete })
    if (streams) this.verifier.accept('linli/v1/420106/hall-1/status', Buffer.from(JSON.stringify({ uplink: reader, streams })))
  }

  accept(stream: string, bytes: Uint8Array): void {
    const plain = bytes[0] === 0x28 ? zstdDecompressSync(bytes) : bytes
    const { id, type, data } = JSON.parse(Buffer.from(plain).toString())
    const hash = createHash('sha256').update(plain).digest('hex')
    if ((this.#contents.get(id) ?? hash) !== hash) this.twice.push(id)
    this.#contents.set(id, hash)
    this.verifier.accept(topic(stream), plain)
    if (type === 'org.linli.gap.v1') this.gaps.push(data)
    if (typeof data.n === 'number' && !this.received.has(data.n)) { this.received.add(data.n); this.order.push(data.n) }
    const numbers = this.#numbers.get(stream) ?? new Set()
    this.#numbers.set(stream, numbers)
    for (const { value } of data.readings ?? []) numbers.add(value)
    if (typeof data.n === 'number') numbers.add(data.n)
  }

  has({ n, stream = 'event' }: Pick<Produced, 'n' | 'stream'>): boolean { return this.#numbers.get(stream)?.has(n) ?? false }
  isDeclared({ stream = 'event', epoch, seq }: Produced): boolean {
    return this.gaps.some((gap) => gap.stream === stream && gap.epoch === epoch && gap.from <= seq && seq <= gap.to && (!gap.uplinks || gap.uplinks.includes(this.#reader)))
  }

  /** Takes and settles all there is. `only`: so many of each stream. */
  async drain(reader: JournalReader, only = Infinity): Promise<void> {
    // The ledger last: it may tell of what the others' taking found.
    for (const stream of [...reader.streams].toSorted((a, b) => Number(a === 'ledger') - Number(b === 'ledger'))) {
      for (let left = only; left > 0;) {
        const records = await reader.take(stream, Math.min(200, left))
        if (records.length === 0) break
        for (const record of records) this.accept(stream, record.bytes)
        await reader.settle(stream, records.map(({ epoch, seq }) => ({ record: { epoch, seq }, outcome: 'acked' as const })))
        left -= records.length
      }
    }
  }

  /** Law 5, the wrong side of it: what was acknowledged, and is neither received nor declared. */
  unaccounted(produced: Iterable<Produced>): readonly number[] {
    return [...produced].filter((item) => !this.has(item) && !this.isDeclared(item)).map(({ n }) => n)
  }

  /** Empty lists, or what is wrong. */
  findings(produced: Iterable<Produced>): object {
    const { holes, chainBreaks, invalid } = this.verifier.report()
    const disordered = [...this.#numbers].flatMap(([stream, numbers]) => { const list = [...numbers]; return list.some((n, index) => index > 0 && n < list[index - 1]!) ? [stream] : [] })
    return { unaccounted: this.unaccounted(produced), holes, chainBreaks, invalid, twice: this.twice, disordered }
  }
}

export const nothingWrong = { unaccounted: [], holes: [], chainBreaks: [], invalid: 0, twice: [], disordered: [] }

/** A copied folder whose epoch file is as good as the original: it is told by its inode from a backup. */
export async function adopt(folder: string): Promise<void> {
  const file = path.join(folder, 'epoch')
  const [epoch, identity] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
  if (!identity) return
  const { ino, birthtimeNs } = await stat(file, { bigint: true })
  await writeFile(file, `${epoch}\n${ino}-${birthtimeNs}\n`)
}
