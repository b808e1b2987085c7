import { onTestFinished } from 'vitest'
import mqtt from 'mqtt'
import type { Clock, GatewayConditions, Journal, JournalReader, Uplink } from '../../gateway/contract/index.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { silentLog, systemClock, systemRandom } from '../../gateway/kit/index.ts'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { createUplink, type UplinkOptions } from '../../cloud-sync/uplink.ts'
import type { Verifier } from '../../cloud-sync/verify/verifier.ts'
import type { DecodedRecord } from '../../cloud-sync/decode.ts'
import { uplinkSchema } from '../../cloud-sync/schema.ts'
import { countingCity, type Counted } from './city.ts'
import { tempFolder } from './resources.ts'

export const gateway = 'hall-1'
export const region = '420106'
export const base = `linli/v1/${region}/${gateway}`

/** A real journal with the real envelope. */
export async function realJournal({ clock = systemClock, maxBytes = 1 << 30, maxMessageBytes = 65_536 }: { clock?: Clock; maxBytes?: number; maxMessageBytes?: number } = {}): Promise<{ journal: Journal; reader: JournalReader }> {
  const journal = await openJournal({
    folder: await tempFolder(), encoder: createEncoder({ gateway, region, maxMessageBytes, timeQuality: () => 'synced' }), clock, random: systemRandom,
    log: silentLog(), commitMs: 5, maxBytes,
  })
  onTestFinished(async () => { await journal[Symbol.asyncDispose]() })
  return { journal, reader: await journal.reader('city', { from: 'start' }) }
}

export interface Conditions extends GatewayConditions {
  /** What is raised now, by key below `gateway/`. */
  readonly raised: Map<string, Parameters<GatewayConditions['raise']>[0]>
}
export function conditions(): Conditions {
  const raised: Conditions['raised'] = new Map()
  return { raised, raise: (condition) => { if (!raised.has(condition.key)) raised.set(condition.key, condition) }, clear: (key) => { raised.delete(key) } }
}

export function startUplink(journal: Journal, reader: JournalReader, config: object, options: Partial<UplinkOptions> = {}): { uplink: Uplink; stop(): Promise<void> } {
  const parsed = uplinkSchema.parse({ id: 'city', ...config })
  const uplink = createUplink({
    config: parsed, gateway, region, reader, clock: systemClock, random: () => 0.5, log: silentLog(), version: '0', epoch: journal.epoch, maxMessageBytes: 65_536,
    onCommit: (listener) => journal.onCommit(listener), timeQuality: () => 'synced',
    model: () => ({ gateway, region, name: { zh: '厅', en: 'hall' }, devices: [] }),
    snapshot: () => ({ at: 0, timeQuality: 'synced', heads: journal.heads(), values: [], alerts: [] }), ...options,
  })
  const controller = new AbortController()
  const running = uplink.run(controller.signal)
  const stop = async (): Promise<void> => { controller.abort(); await running }
  onTestFinished(stop)
  return { uplink, stop }
}

/** Records that the reader has not settled, over all its streams. */
export const backlogOf = (reader: JournalReader): number => Object.values(reader.backlog()).reduce((sum, { records }) => sum + records, 0)

export interface Watcher { readonly verifier: Verifier; readonly records: DecodedRecord[]; readonly retained: Map<string, string>; readonly properties: unknown[]; publish(topic: string, payload: string): Promise<unknown>; close(): void }

/** A consumer with its own client library session, verifying all it gets; `city` counts it. */
export async function watch(url: string, protocolVersion: 4 | 5 = 5, city: Counted = countingCity(), { prefix = 'linli', clientId = 'watcher', tls = {} }: { prefix?: string; clientId?: string; tls?: object } = {}): Promise<Watcher> {
  const { verifier } = city
  const records: DecodedRecord[] = []
  const retained = new Map<string, string>()
  const properties: unknown[] = []
  const client = mqtt.connect(url, { protocolVersion, clean: false, clientId: `${clientId}-${process.pid}`, reconnectPeriod: 50, ...tls, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3_600 } } : {}) })
  client.on('error', () => {})
  client.on('message', (topic, payload, packet) => {
    if (!topic.includes('/up/')) { retained.set(topic, payload.toString()); return }
    properties.push(packet.properties?.userProperties)
    const record = city.accept(topic, payload)
    if (record) records.push(record)
  })
  const close = (): void => { client.end(true) }
  onTestFinished(close)
  await new Promise<void>((resolve, reject) => { client.subscribe(`${prefix}/#`, { qos: 1 }, (error) => { if (error) reject(error); else resolve() }) })
  return { verifier, records, retained, properties, publish: (topic, payload) => client.publishAsync(topic, payload, { qos: 1 }), close }
}
