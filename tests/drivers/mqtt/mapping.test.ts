import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileMapping } from '../../../drivers/mqtt/mapping.ts'
import { mqttDevice } from './support.ts'

const now = Date.UTC(2026, 0, 5, 8)
const kiosk = mqttDevice('kiosk', {
  points: { paper: { topic: 'devices/{device}/state', pointer: '/paper', timestamp: '/at' }, printer: { topic: 'devices/{device}/state', pointer: '/printer', map: { ok: true, jam: false } }, raw: { topic: 'plain/{device}' } },
  occurrences: [{ topic: 'devices/{device}/session', type: 'kiosk', sourceId: '/id', at: '/at', when: { pointer: '/kind', equals: 'done' }, data: { item: '/item', card: { pointer: '/card', hash: true } } }],
})
const map = compileMapping([kiosk], (value) => `hash-of-${value.length}`)
const send = (topic: string, body: unknown) => map(topic, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), now)

describe('the mapping of topics and payloads', () => {
  it('finds values by pointer, words by map, time by the device when it can be believed', () => {
    expect(send('devices/kiosk/state', { paper: 12, printer: 'jam', at: '2026-01-05T07:59:00Z' })!.samples).toEqual([
      { pointId: 'kiosk.paper', raw: 12, at: now - 60_000, quality: 'good' }, { pointId: 'kiosk.printer', raw: false, at: now, quality: 'good' },
    ])
    for (const at of ['1970-01-01T00:00:00Z', '2099-01-01T00:00:00Z', 'yesterday', {}, null]) expect(send('devices/kiosk/state', { paper: 1, at })!.samples[0]!.at).toBe(now)
  })
  it('takes a plain payload as a number, a word or a truth', () => {
    expect(['21.5', 'open', 'true'].map((text) => send('plain/kiosk', text)!.samples[0]!.raw)).toEqual([21.5, 'open', true])
  })
  it('leaves a point alone that the message does not speak of', () => {
    expect(send('devices/kiosk/state', { paper: 5 })!.samples.map(({ pointId }) => pointId)).toEqual(['kiosk.paper'])
  })
  it('gives no value for null, an object or a word nobody listed', () => {
    expect(send('devices/kiosk/state', { paper: null, printer: 'on fire' })!.samples).toMatchObject([{ raw: null, reason: 'POINT_NO_VALUE' }, { raw: null, reason: 'POINT_UNMAPPED_VALUE' }])
    expect(send('devices/kiosk/state', { paper: { deep: 1 } })!.samples).toMatchObject([{ raw: null, reason: 'POINT_TYPE' }])
  })
  it('makes an event with the device\'s own id, and lets no card number out', () => {
    expect(send('devices/kiosk/session', { kind: 'done', id: 'e-1', item: 'senior-card', card: '420106199001011234', at: now - 5 })!.occurrences).toEqual([
      { deviceId: 'kiosk', type: 'kiosk', at: now - 5, sourceId: 'e-1', data: { item: 'senior-card', card: 'hash-of-18' } },
    ])
    const other = send('devices/kiosk/session', { kind: 'begun', id: 'e-2' })!
    expect([other.samples, other.occurrences, other.malformed]).toEqual([[], [], undefined])
  })
  it('says why a payload cannot be read, and that nobody mapped a topic', () => {
    expect(send('devices/kiosk/state', '{')!.malformed).toBe('not JSON')
    expect(map('devices/kiosk/state', Buffer.of(0xff, 0xfe), now)!.malformed).toBe('not UTF-8')
    expect(send('devices/kiosk/state', { other: 1 })!.malformed).toMatch(/none of the mapped fields/)
    expect(send('devices/other/state', {})).toBeNull()
  })
  it('law: whatever comes, it throws nothing and gives only values a point can hold', () => {
    fc.assert(fc.property(fc.oneof(fc.uint8Array().map((bytes) => Buffer.from(bytes)), fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))), fc.record({ paper: fc.jsonValue(), printer: fc.jsonValue(), at: fc.jsonValue() }).map((value) => Buffer.from(JSON.stringify(value)))), fc.constantFrom('devices/kiosk/state', 'devices/kiosk/session', 'plain/kiosk'), (payload, topic) => {
      for (const { raw, quality, at } of map(topic, payload, now)!.samples) {
        expect(['number', 'string', 'boolean']).toContain(raw === null ? 'number' : typeof raw)
        expect(raw === null).toBe(quality === 'bad')
        expect(Number.isSafeInteger(at)).toBe(true)
      }
    }))
  })
  it('law: a pointer reaches own fields only', () => {
    const proto = compileMapping([mqttDevice('p', { points: { x: { topic: 't', pointer: '/__proto__/y' }, y: { topic: 't', pointer: '/constructor' } } })], (value) => value)
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.integer()), (body) => { for (const { raw } of proto('t', Buffer.from(JSON.stringify(body)), now)!.samples) expect(raw === null || typeof raw !== 'function').toBe(true) }))
    expect(proto('t', Buffer.from('{"a":1}'), now)!.malformed).toBeDefined()
  })
})
