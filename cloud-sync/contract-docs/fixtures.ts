import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import type { GatewayEvent, Head, Reading, SiteModel, Snapshot, Stream } from '../../gateway/contract/index.ts'
import { keyIdOf } from '../ledger/checkpoint.ts'
import { desiredText, type Unsigned } from '../desired/message.ts'
import { createEncoder } from '../envelope.ts'
import { signed } from '../ledger/ledger.ts'
import { modelParts, snapshotParts } from '../parts.ts'
import { signReported } from '../desired/reported.ts'
import type { MessageName } from './messages.ts'
import type { RecordName } from './records.ts'

/** One message as it goes over the wire, with the topic it goes to. */
export interface Fixture { readonly file: string; readonly schema: RecordName | MessageName; readonly topic: string; readonly bytes: Uint8Array }

const gateway = 'wuchang-center'
const region = '420106'
const epoch = '00000042-a1b2c3d4'
const base = `linli/v1/${region}/${gateway}`
const start = Date.UTC(2026, 0, 5, 8)
const maxMessageBytes = 65_536
const card = createHash('sha256').update('a card of nobody').digest('hex')

/** RFC 8032 §7.1, test 1: a key that everybody has, and no gateway. */
const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'
function fixedSigner() {
  const key = createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
  return { keyId: keyIdOf(publicKey), publicKey, sign: (text: string) => sign(null, Buffer.from(text), key).toString('base64') }
}

/** Sealing leaves nothing the same twice: this was done once, for a recipient whose key nobody kept. */
const recipient = 'age1jzrmjf2swh72t29t2x3u22ssa2vrlgtuj4ceh4mmkpjn8slqzuxs5gjzr4'
const sealed = 'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBjQkpsdEo0dWttNURZZTRpWWp4U002aFRBVEh6V2tMbGllT014TzcwWVI0ClB0NlZhL2JVUDFVL0hpS2JuV2RWSnNNejNIL0RIUmVPK1hZRTZ6ZWdkMWsKLS0tIHJDMG9pMW1qWG15TzFzOTVSaFMraGF5cDVlNUhFd08rQlRiQ1hLNm9hdnMKGN8lC5CJ8kaMgKGbmpriVfJhvi3b/SuQOr9NvViUWUPdgYMK/xIyWrimZt+WjOc2BIveiiWxRx+Rt3WxK8TUIyaFbDsm38Ljy3Biz3gUTelz+/9RQZVEvaJafMaSJM+xLLfN6SdsQ51bglcLLiQn/MeoeAtBqU+rDir1raF3AefjmtQ2yI0='
const wish: Unsigned = { gateway, version: 12, issuedAt: '2026-01-05T08:00:05Z', actor: 'platform', reason: 'hall cooled earlier', base: 'a3'.repeat(32), sealed }
const fate = {
  gateway, at: start + 65_000, desired: { version: 12, actor: 'platform', state: 'confirmed' as const, number: 7, detail: 'all that worked before works' }, ignored: null,
  current: { number: 7, hash: 'b4'.repeat(32), origin: 'city' as const, by: 'platform', at: start + 5_000, trial: false, edited: false }, floor: 12, recipient,
}

const none = { seq: 0, hash: '' }
const event = (seconds: number, type: GatewayEvent['type'], data: GatewayEvent['data'], more: Partial<GatewayEvent> = {}): GatewayEvent => ({ stream: 'event', type, at: start + seconds * 1_000, data, ...more })
const commandOf = { id: 'c-7', idempotencykey: 'k-7', actor: 'ioc/duty', point: 'door-east.unlock', value: true }

const severityOf = (severity: number) => ({ severity, raised: severity, response: { n: 1, medianS: 95, p90S: 95, inTime: 1 }, closing: { n: 1, medianS: 1_800, p90S: 1_800, inTime: 1 }, unanswered: severity - 1, open: severity - 1 })
const [monthFrom, monthTo] = [Date.UTC(2025, 10, 30, 16), Date.UTC(2025, 11, 31, 16)]
const monthly: GatewayEvent['data'] = {
  version: 1, month: '2025-12', from: monthFrom, to: monthTo, complete: true,
  watched: { knownS: 2_500_000, ofS: 2_678_400, daysWithout: ['2025-12-03'], daysPartly: ['2025-12-04'] },
  terminals: [{ kiosk: 'terminal-1', availableS: 800_000, degradedS: 4_000, downS: 6_000, unknownS: 30_000, availability: 0.9926, sessions: 1_204 }],
  alerts: { bySeverity: [1, 2, 3, 4].map(severityOf), reopened: { n: 1, of: 4, share: 0.25 }, evaluated: { n: 1, mean: 4 }, uncounted: 0 }, calls: 3,
  devices: { count: 2, known: 1, online: 0.995, list: [{ device: 'hall-env', knownS: 2_500_000, onlineS: 2_487_500, online: 0.995 }, { device: 'door-east', knownS: 0, onlineS: 0, online: null }] },
  climate: [{ point: 'hall-env.temperature', min: 18, max: 26, serviceS: 837_000, knownS: 800_000, within: 0.9312 }],
  energy: [{ point: 'main-meter.energy', kWh: 1_532.4, from: monthFrom, to: monthTo, resets: 0, complete: true }], ratings: { n: 61, mean: 4.43, poor: 2 },
}

/** One of each that stands in the event stream, in order. */
const events: readonly GatewayEvent[] = [
  event(0, 'gateway', { action: 'started', version: '1.0.0', epoch }),
  event(1, 'device', { device: 'hall-env', state: 'offline', reason: 'MODBUS_TIMEOUT', detail: 'hall-env (unit 1) does not answer; check its power and its wires' }, { subject: 'hall-env' }),
  event(2, 'access', { device: 'door-east', sourceId: 'a-1', n: 1, result: 'granted', reader: 'outside', card }, { subject: 'door-east' }),
  event(3, 'kiosk', { device: 'terminal-1', sourceId: 's-1', n: 1, item: 'senior-card', result: 'done', durationS: 95 }, { subject: 'terminal-1' }),
  event(4, 'request', { device: 'terminal-1', n: 2, reason: 'lift stuck' }, { subject: 'terminal-1', redelivered: true }),
  event(5, 'evaluation', { device: 'terminal-1', sourceId: 'r-1', n: 3, session: 's-1', item: 'senior-card', score: 5 }, { subject: 'terminal-1', mode: 'test' }),
  event(6, 'command', { ...commandOf, state: 'done', at: start + 6_000, effect: 'confirmed' }, { subject: 'door-east' }),
  event(7, 'report', monthly),
]
const alert = event(2, 'alert', {
  id: '5f0c1d2e3a4b5c6d', key: 'hall-hot', rule: 'hall-hot', severity: 3, title: { zh: '大厅过热', en: 'hall too hot' }, state: 'raised', phase: 'raised', condition: 'active', count: 1, raisedAt: start + 2_000, due: { acknowledge: start + 1_802_000, resolve: start + 86_402_000 }, device: 'hall-env', place: 'hall', point: 'hall-env.temperature', value: 31.5, above: 30,
}, { stream: 'alert', subject: '5f0c1d2e3a4b5c6d' })

const reading = (pointId: string, value: Reading['value'], seconds: number, more: Partial<Reading> = {}): Reading => ({ pointId, value, at: start + seconds * 1_000, receivedAt: start + seconds * 1_000, quality: 'good', ...more })
const readings: readonly Reading[] = [
  reading('hall-env.temperature', 21.5, 0),
  reading('door-east.open', false, 0),
  reading('terminal-1.printer', '缺纸', 1),
  reading('hall-env.humidity', null, 1, { quality: 'bad', reason: 'MODBUS_TIMEOUT' }),
  reading('terminal-1.paper', 104, 2, { quality: 'uncertain', reason: 'POINT_OUT_OF_RANGE' }),
  reading('main-meter.power', 1.25, 0, { receivedAt: start + 60_000, summary: { count: 60, min: 0.5, max: 3, from: start } }),
]
const minuteOf = (minute: number): readonly Reading[] => Array.from({ length: 60 }, (_, second) => reading('main-meter.power', (second * 7) % 50 / 10, minute * 60 + second))

const model: SiteModel = {
  gateway, region, name: { zh: '武昌区示范邻里服务中心', en: 'Wuchang model neighbourhood service centre' }, grid: { scheme: 'unit-grid-15', code: '420106001001001' },
  devices: [{ id: 'hall-env', name: { zh: '大厅温湿度', en: 'hall climate' }, profile: 'xy-md02', place: 'hall', points: [{ id: 'hall-env.temperature', name: { zh: '温度', en: 'temperature' }, type: 'number', unit: 'Cel' }] }],
}

/**
 * A few seconds in the life of one gateway, through the real encoder, with nothing left to chance: four streams of one epoch that verify
 * from seq 1, with one declared gap in the telemetry (2 and 3). Changing one byte of it changes the wire format.
 */
export function fixtures(): readonly Fixture[] {
  const encoder = createEncoder({ gateway, region, gridCode: model.grid!.code, maxMessageBytes, timeQuality: () => 'synced' })
  const heads = new Map<Stream, Head>()
  const signer = fixedSigner()
  const place = (stream: Stream) => ({ stream, epoch, seq: (heads.get(stream)?.seq ?? 0) + 1, prevHash: heads.get(stream)?.hash ?? '' })
  const written = (stream: Stream, seq: number, bytes: Uint8Array): Uint8Array => { heads.set(stream, { epoch, seq, hash: createHash('sha256').update(bytes).digest('hex') }); return bytes }
  const record = (one: GatewayEvent): Uint8Array => { const at = place(one.stream); return written(one.stream, at.seq, encoder.event(one, at)) }
  const packed = (some: readonly Reading[]): Uint8Array => { const at = place('telemetry'); return written('telemetry', at.seq, encoder.telemetry(some, 0, at).bytes) }
  const out: Fixture[] = []
  const add = (file: string, schema: Fixture['schema'], topic: string, bytes: Uint8Array): void => { out.push({ file, schema, topic: `${base}/${topic}`, bytes }) }
  const put = (one: GatewayEvent): void => add(`${one.type}.json`, one.type as RecordName, `up/${one.stream}`, record(one))
  const text = (name: MessageName, topic: string, value: object | string): void => add(`${name}.json`, name, topic, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))

  text('status', 'status', { gateway, uplink: 'city', state: 'online', epoch, version: '1.0.0', timeQuality: 'synced', at: start })
  text('model', 'model', modelParts({ ...model, publicKey: signer.publicKey }, maxMessageBytes)[0]!.text)
  put(event(0, 'epoch', { closes: '00000041-99887766', streams: { alert: none, event: none, ledger: none, telemetry: none } }, { stream: 'ledger' }))
  for (const one of events) put(one)
  put(alert)
  add('telemetry.json', 'telemetry', 'up/telemetry', packed(readings))
  const before = heads.get('telemetry')!.hash
  for (const minute of [1, 2]) packed(minuteOf(minute))
  const after = heads.get('telemetry')!.hash
  put(event(200, 'gap', { stream: 'telemetry', epoch, from: 2, to: 3, reason: 'quota', hashBefore: before, hashAfter: after }, { stream: 'ledger' }))
  add('telemetry.zst', 'telemetry', 'up/telemetry', zstdCompressSync(packed(minuteOf(3))))
  put(signed({ gateway, at: start + 300_000, previous: '', heads: Object.fromEntries(heads), signer }).event)
  text('snapshot', 'snapshot', snapshotParts(snapshotAt(heads), maxMessageBytes)[0]!)
  text('cmd-req', 'cmd/req', { ...commandOf, issuedat: '2026-01-05T08:00:05Z', expiresat: '2026-01-05T08:00:35Z' })
  text('cmd-res', 'cmd/res', { gateway, ...commandOf, state: 'done', at: start + 6_000, effect: 'confirmed' })
  text('ack', 'ack', { stream: 'event', epoch, seq: events.length })
  // The same key for both: it is the one that everybody has.
  text('config-desired', 'config/desired', { desired: 1, ...wish, signature: signer.sign(desiredText(wish)) })
  text('config-reported', 'config/reported', signReported(fate, signer))
  return out
}

const snapshotAt = (heads: ReadonlyMap<Stream, Head>): Snapshot => ({
  at: start + 300_000, timeQuality: 'synced', heads: { alert: heads.get('alert')!, event: heads.get('event')!, ledger: heads.get('ledger')!, telemetry: heads.get('telemetry')! }, values: [{ point: 'hall-env.temperature', value: 31.5, quality: 'good', at: start + 2_000 }],
  alerts: [{ id: '5f0c1d2e3a4b5c6d', key: 'hall-hot', ruleId: 'hall-hot', severity: 3, title: { zh: '大厅过热', en: 'hall too hot' }, raisedAt: start + 2_000, changedAt: start + 2_000, lastRaisedAt: start + 2_000, state: 'raised', condition: 'active', count: 1, reopened: 0, escalation: 0, due: {}, data: { point: 'hall-env.temperature', value: 31.5, above: 30 } }],
})
