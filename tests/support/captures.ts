import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Journal, Stored } from '../../gateway/contract/index.ts'
import { silentLog, systemClock, systemRandom } from '../../gateway/kit/index.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { Ledger } from '../../cloud-sync/ledger/ledger.ts'
import { openSigner, type Signer } from '../../cloud-sync/ledger/signing.ts'
import { reading } from './points.ts'
import { tempFolder } from './resources.ts'
import { textOf } from './journals.ts'

export interface Message { readonly topic: string; readonly text: string }
export const topicOf = (stream: string): string => `linli/v1/420106/hall-1/up/${stream}`

const streams = ['alert', 'event', 'ledger', 'telemetry'] as const

/** A facility of two lives with real journal, envelope and ledger; what it refused is a declared gap. Each life ends with a checkpoint. */
export async function soundCapture(): Promise<{ readonly messages: readonly Message[]; readonly signer: Signer; readonly folder: string }> {
  const folder = await tempFolder()
  const signer = await openSigner(folder, silentLog())
  const messages: Message[] = []
  for (let life = 0; life < 2; life++) {
    const journal = await openJournal({
      folder: path.join(folder, 'journal'), encoder: createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 65_536, maxReadings: 3, timeQuality: () => 'synced' }),
      clock: systemClock, random: systemRandom, log: silentLog(), commitMs: 1, maxBytes: 1 << 30,
    })
    const reader = await journal.reader('city', { from: 'start' })
    const ledger = new Ledger({ gateway: 'hall-1', journal, signer, clock: systemClock, log: silentLog(), everyMs: 3_600_000 })
    await ledger.start()
    for (let n = 0; n < 6; n++) {
      await journal.commit({ events: [{ stream: 'event', type: 'kiosk', at: Date.now(), data: { n } }, { stream: 'alert', type: 'alert', at: Date.now(), data: { n } }], readings: [reading('a.b', n), reading('a.c', n)], urgent: true })
      if (n === 3) await ledger.checkpoint()
    }
    const events = await reader.take('event', 100)
    const refused = events.at(2)!
    await reader.settle('event', [...events.slice(0, 2).map((record) => ({ record, outcome: 'acked' as const })), { record: refused, outcome: 'rejected', reason: 'test' }, ...events.slice(3).map((record) => ({ record, outcome: 'acked' as const }))])
    await ledger.stop()
    messages.push(...events.filter((record) => record !== refused).map(messageOf))
    for (const stream of streams) if (stream !== 'event') messages.push(...await takeAll(journal, stream))
    await journal[Symbol.asyncDispose]()
  }
  return { messages, signer, folder }
}

const messageOf = (record: Stored): Message => ({ topic: topicOf(record.stream), text: textOf(record) })
async function takeAll(journal: Journal, stream: string): Promise<Message[]> {
  const reader = await journal.reader('city')
  const records = await reader.take(stream, 1_000)
  await reader.settle(stream, records.map((record) => ({ record, outcome: 'acked' as const })))
  return records.map(messageOf)
}

export const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
export const captureText = (messages: readonly Message[]): string => messages.map(({ topic, text }) => `${JSON.stringify({ topic, payload: Buffer.from(text).toString('base64'), at: 0 })}\n`).join('')
export async function captureFile(messages: readonly Message[]): Promise<string> {
  const file = path.join(await tempFolder(), 'capture.jsonl')
  await writeFile(file, captureText(messages))
  return file
}

/** What one who holds the road, but no key, can do: change records of a stream and chain all that follow anew. */
export function rechained(messages: readonly Message[], stream: string, change: (records: any[]) => any[]): Message[] {
  const topic = topicOf(stream)
  const own = messages.filter((message) => message.topic === topic)
  const seqs = new Map<string, { seq: number; hash: string }>()
  const forged = change(own.map(({ text }) => JSON.parse(text))).map((record) => {
    const last = seqs.get(record.epoch) ?? { seq: 0, hash: '' }
    const { prevhash: _, ...rest } = record
    const seq = last.seq + 1
    const text = JSON.stringify({ ...rest, id: `hall-1/${stream}/${record.epoch}/${seq}`, seq, ...(seq > 1 ? { prevhash: last.hash } : {}) })
    seqs.set(record.epoch, { seq, hash: sha(text) })
    return { topic, text }
  })
  return [...messages.filter((message) => message.topic !== topic), ...forged]
}
