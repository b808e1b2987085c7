import path from 'node:path'
import { onTestFinished } from 'vitest'
import { zstdDecompressSync } from 'node:zlib'
import type { Clock, GatewayEvent, Journal, JournalReader, Selection, Stored, Stream } from '../../gateway/contract/index.ts'
import { silentLog, systemClock, systemRandom } from '../../gateway/kit/index.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { plainEncoder } from './encoder.ts'

export async function journalIn(folder: string, options: { maxBytes?: number; shares?: Readonly<Record<Stream, number>>; selections?: readonly Selection[]; commitMs?: number; clock?: Clock; readingsPerRecord?: number } = {}): Promise<Journal> {
  const journal = await openJournal({
    folder: path.join(folder, 'journal'), encoder: plainEncoder(options.readingsPerRecord), clock: options.clock ?? systemClock, random: systemRandom, log: silentLog(),
    commitMs: options.commitMs ?? 5, maxBytes: options.maxBytes ?? 1 << 30, shares: options.shares ?? {}, selections: options.selections ?? [],
  })
  onTestFinished(async () => { await journal[Symbol.asyncDispose]() })
  return journal
}

export const event = (n: number, overrides: Partial<GatewayEvent> = {}): GatewayEvent => ({ stream: 'event', type: 'kiosk', at: n, data: { n }, ...overrides })

export const textOf = ({ bytes, encoding }: Stored): string => Buffer.from(encoding === 'zstd' ? zstdDecompressSync(bytes) : bytes).toString()
export const contentOf = (record: Stored): any => JSON.parse(textOf(record))

/** Takes and settles everything there is. */
export async function drain(reader: JournalReader, stream: Stream, limit = 50): Promise<Stored[]> {
  const all: Stored[] = []
  for (;;) {
    const records = await reader.take(stream, limit)
    if (records.length === 0) return all
    all.push(...records)
    await reader.settle(stream, records.map(({ epoch, seq }) => ({ record: { epoch, seq }, outcome: 'acked' as const })))
  }
}
