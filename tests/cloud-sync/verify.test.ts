import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { createVerifier } from '../../cloud-sync/verify/verifier.ts'
import type { Stream } from '../../gateway/contract/index.ts'
import { reading } from '../support/points.ts'

const encoder = createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' })
const topic = (stream: Stream): string => `linli/v1/420106/hall-1/up/${stream}`
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const epochA = '00000001-aaaaaaaa'
const epochB = '00000002-bbbbbbbb'

function telemetry(count: number, epoch = epochA): Uint8Array[] {
  const out: Uint8Array[] = []
  for (let seq = 1; seq <= count; seq++) out.push(encoder.telemetry([reading('a.b', seq)], 0, { stream: 'telemetry', epoch, seq, prevHash: seq === 1 ? '' : sha(out.at(-1)!) }).bytes)
  return out
}
const ledger = (seq: number, type: 'gap' | 'epoch', data: object, epoch: string, prevHash = ''): Uint8Array => encoder.event({ stream: 'ledger', type, at: 0, data: data as never }, { stream: 'ledger', epoch, seq, prevHash })

function verify(records: readonly Uint8Array[], entries: readonly Uint8Array[] = [], fromStart = true) {
  const verifier = createVerifier({ fromStart })
  for (const record of records) verifier.accept(topic('telemetry'), record)
  for (const entry of entries) verifier.accept(topic('ledger'), entry)
  return verifier.report()
}
const sound = { holes: [], chainBreaks: [], invalid: 0 }

describe('the verifier', () => {
  it('finds a sound stream sound', () => { expect(verify(telemetry(5))).toMatchObject({ ...sound, messages: 5, readings: 5, duplicates: 0 }) })
  it('finds a dropped record', () => {
    const records = telemetry(5)
    records.splice(2, 1)
    expect(verify(records).holes).toEqual([{ gateway: 'hall-1', stream: 'telemetry', epoch: epochA, from: 3, to: 3 }])
  })
  it('finds an altered record, though it is well-formed', () => {
    const records = telemetry(5)
    records[2] = Buffer.from(Buffer.from(records[2]!).toString().replace('"value":3', '"value":4'))
    expect(verify(records).chainBreaks).toMatchObject([{ seq: 4 }])
  })
  it('counts a repeat once and as a duplicate', () => {
    const records = telemetry(3)
    expect(verify([...records, records[1]!, records[2]!])).toMatchObject({ ...sound, duplicates: 2, readings: 3 })
  })
  it('finds the last record of a closed epoch missing, or altered', () => {
    const records = telemetry(3)
    const end = ledger(1, 'epoch', { closes: epochA, streams: { telemetry: { seq: 3, hash: sha(records[2]!) } } }, epochB)
    expect(verify(records, [end])).toMatchObject(sound)
    expect(verify(records.slice(0, 2), [end]).holes).toMatchObject([{ from: 3, to: 3 }])
    const other = Buffer.from(Buffer.from(records[2]!).toString().replace('"value":3', '"value":9'))
    expect(verify([...records.slice(0, 2), other], [end]).chainBreaks).toHaveLength(1)
  })
  it('takes a declared gap for an answer when the chain goes on across it', () => {
    const records = telemetry(6)
    const gap = { stream: 'telemetry', epoch: epochA, from: 3, to: 4, reason: 'quota', hashBefore: sha(records[1]!), hashAfter: sha(records[3]!) }
    const rest = [...records.slice(0, 2), ...records.slice(4)]
    expect(verify(rest, [ledger(1, 'gap', gap, epochA)])).toMatchObject({ ...sound, gaps: 1 })
    expect(verify(rest, [ledger(1, 'gap', { ...gap, hashAfter: 'ee'.repeat(32) }, epochA)]).chainBreaks).toHaveLength(1)
    expect(verify(rest, [ledger(1, 'gap', { ...gap, to: 3 }, epochA)]).holes).toMatchObject([{ from: 4, to: 4 }])
  })
  it('counts what is no record, or on a foreign topic, as invalid', () => {
    const verifier = createVerifier()
    expect(verifier.accept(topic('telemetry'), Buffer.from('{}'))).toBeNull()
    expect(verifier.accept('linli/v1/420106/other/up/telemetry', telemetry(1)[0]!)).toBeNull()
    expect(verifier.accept(topic('event'), telemetry(1)[0]!)).toBeNull()
    expect(verifier.report().invalid).toBe(3)
  })
  it('may join in the middle when it is told so', () => {
    expect(verify(telemetry(5).slice(2), [], false)).toMatchObject(sound)
    expect(verify(telemetry(5).slice(2), [], true).holes).toMatchObject([{ from: 1, to: 2 }])
  })
  it('law: any order with repeats verifies if and only if nothing was dropped', () => {
    const records = telemetry(12)
    fc.assert(fc.property(fc.array(fc.nat(11), { maxLength: 60 }), (order) => {
      const report = verify(order.map((index) => records[index]!))
      const highest = Math.max(-1, ...order)
      const complete = new Set(order).size === highest + 1
      expect(report.chainBreaks).toEqual([])
      expect(report.holes.length === 0).toBe(complete)
      expect(report.duplicates).toBe(order.length - new Set(order).size)
    }))
  })
})
