import { describe, expect, it } from 'vitest'
import type { Journal, JournalReader } from '../../../gateway/contract/index.ts'
import { createSelection } from '../../../gateway/selections.ts'
import { contentOf, drain, event, journalIn } from '../../support/journals.ts'
import { reading } from '../../support/points.ts'
import { tempFolder } from '../../support/resources.ts'

const gapsOf = async (reader: JournalReader) => (await drain(reader, 'ledger')).map((record) => contentOf(record)).filter(({ type }) => type === 'gap').map(({ data }) => data)
const energy = createSelection({ id: 'energy', from: 'telemetry', points: ['meter.*', '*.power'] })
const doors = createSelection({ id: 'doors', from: 'event', types: ['access'] })
const fill = async (journal: Journal, records: number): Promise<void> => { for (let n = 0; n < records; n++) await journal.commit({ readings: [reading('hall.t', n)], urgent: true }) }

describe('a selection', () => {
  it('is a stream of its own with its own numbers and chain, written with what it selects from', async () => {
    const journal = await journalIn(await tempFolder(), { selections: [energy, doors] })
    expect(journal.streams).toEqual(['alert', 'event', 'doors', 'ledger', 'telemetry', 'energy'])
    const property = await journal.reader('property', { from: 'start', streams: ['alert', 'energy', 'doors', 'ledger'] })
    const city = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: [event(1), event(2, { type: 'access' })], readings: [reading('meter.a', 1), reading('hall.t', 2), reading('hall.power', 3)] })
    await journal.commit({ readings: [reading('hall.t', 4)] })
    await journal.commit({ events: [event(3, { type: 'access' })], readings: [reading('meter.a', 5)] })
    expect(property.streams).toEqual(['alert', 'doors', 'ledger', 'energy'])
    const mine = await drain(property, 'energy')
    expect(mine.map(({ seq }) => seq)).toEqual([1, 2])
    expect(mine.map((record) => contentOf(record).readings)).toEqual([[['meter.a', 1], ['hall.power', 3]], [['meter.a', 5]]])
    expect((await drain(property, 'doors')).map((record) => contentOf(record).data.n)).toEqual([2, 3])
    expect((await drain(city, 'telemetry')).length).toBe(3)
    expect((await drain(city, 'event')).length).toBe(3)
    expect(Object.keys(city.backlog())).toEqual(['alert', 'event', 'ledger', 'telemetry'])
  })
  it('goes on with its numbers after a restart, in a new epoch that closes the old one', async () => {
    const folder = await tempFolder()
    { await using journal = await journalIn(folder, { selections: [energy] }); await journal.reader('p', { from: 'start', streams: ['energy', 'ledger'] }); await journal.commit({ readings: [reading('meter.a', 1)] }) }
    const journal = await journalIn(folder, { selections: [energy] })
    const reader = await journal.reader('p', { streams: ['energy', 'ledger'] })
    await journal.commit({ readings: [reading('meter.a', 2)] })
    expect((await drain(reader, 'energy')).map((record) => contentOf(record).readings[0][1])).toEqual([1, 2])
    expect(contentOf((await drain(reader, 'ledger'))[0]!).data.streams.energy).toMatchObject({ seq: 1 })
  })
})

describe('an uplink that is gone for good', () => {
  it('loses the oldest, alone, and is no reason to thin for the others', async () => {
    const journal = await journalIn(await tempFolder(), { maxBytes: 40_000 })
    await journal.reader('dead', { from: 'start' })
    const city = await journal.reader('city', { from: 'start' })
    let received = 0
    const gaps: Awaited<ReturnType<typeof gapsOf>> = []
    for (let turn = 0; turn < 20; turn++) {
      await fill(journal, 20)
      received += (await drain(city, 'telemetry')).length
      gaps.push(...await gapsOf(city))
      expect(journal.fill).toBeLessThan(0.1)
    }
    expect(received).toBe(400)
    expect(journal.statistics().fill).toBeGreaterThan(0.5)
    expect(journal.statistics().fill).toBeLessThanOrEqual(1.01)
    expect(gaps.length).toBeGreaterThan(0)
    expect(gaps.every(({ stream, reason, uplinks }) => stream === 'telemetry' && reason === 'quota' && uplinks.join() === 'dead')).toBe(true)
  })
  it('gets what is left, and its gaps and its records are everything', async () => {
    const folder = await tempFolder()
    const journal = await journalIn(folder, { maxBytes: 40_000 })
    const slow = await journal.reader('slow', { from: 'start' })
    const city = await journal.reader('city', { from: 'start' })
    for (let turn = 0; turn < 20; turn++) { await fill(journal, 20); await drain(city, 'telemetry') }
    const seqs = (await drain(slow, 'telemetry')).map(({ seq }) => seq)
    const missed = (await gapsOf(slow)).flatMap(({ from, to, uplinks }) => (uplinks.includes('slow') ? Array.from({ length: to - from + 1 }, (_, index) => from + index) : []))
    expect([...missed, ...seqs].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1))
  })
  it('is forgotten when it leaves the site file', async () => {
    const journal = await journalIn(await tempFolder(), { maxBytes: 1_000_000 })
    await journal.reader('dead', { from: 'start' })
    const city = await journal.reader('city', { from: 'start' })
    await fill(journal, 50)
    await drain(city, 'telemetry')
    expect(journal.statistics().streams.telemetry!.records).toBe(50)
    await journal.forget(['city'])
    await expect.poll(() => journal.statistics().streams.telemetry!.records).toBe(0)
  })
})

describe('a share of its own', () => {
  it('makes a stream drop its own oldest, and leaves the others alone', async () => {
    const journal = await journalIn(await tempFolder(), { maxBytes: 10_000_000, shares: { telemetry: 20_000 } })
    const reader = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: [event(1), event(2)] })
    await fill(journal, 300)
    const { telemetry } = journal.statistics().streams
    expect(telemetry!.bytes).toBeLessThanOrEqual(20_500)
    expect(journal.fill).toBeGreaterThan(0.8)
    const seqs = (await drain(reader, 'telemetry')).map(({ seq }) => seq)
    const gaps = await gapsOf(reader)
    expect(gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0) + seqs.length).toBe(300)
    expect((await drain(reader, 'event')).length).toBe(2)
  })
})
