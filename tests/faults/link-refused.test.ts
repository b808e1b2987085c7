import { describe, expect, it } from 'vitest'
import type { Journal, JournalReader } from '../../gateway/contract/index.ts'
import { scriptedBroker } from '../support/brokers.ts'
import { countingCity, expectInvariant, upTo } from '../support/city.ts'
import { fastClock } from '../support/clocks.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { reading } from '../support/points.ts'
import { itWith } from '../support/tools.ts'
import { backlogOf, base, realJournal, startUplink, watch } from '../support/uplinks.ts'

const produce = async (journal: Journal, from: number, to: number): Promise<void> => { for (let n = from; n <= to; n++) await journal.commit({ events: [event(n)], readings: [reading('hall.t', n)], urgent: true }) }
const drained = (reader: JournalReader) => expect.poll(() => backlogOf(reader), { timeout: 50_000 }).toBe(0)

describe('a broker that does not take a record', () => {
  // The gateway may write everything but its events; the watcher reads all.
  const acl = ['topic read linli/#', ...['status', 'model', 'snapshot', 'up/alert', 'up/ledger', 'up/telemetry'].map((topic) => `topic write ${base}/${topic}`), ''].join('\n')
  for (const [name, lines] of [
    ['denied by mosquitto\'s access list: a dead letter each, declared, and the rest goes on', ['max_queued_messages 1000']],
    // mosquitto 2.0 with an unlimited queue closes the connection after it has denied a publish.
    ['denied by a mosquitto that closes the connection over it: the same, and nothing else is lost', ['max_queued_messages 0']],
  ] as const) {
    itWith('mosquitto')(name, { timeout: 60_000 }, async () => {
      const broker = await mosquitto(['acl_file {folder}/acl', ...lines], { acl })
      const city = countingCity()
      await watch(broker.url, 5, city)
      const { journal, reader } = await realJournal()
      await produce(journal, 1, 3)
      const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(8) })
      await drained(reader)
      expect(uplink.status().rejected).toBeGreaterThanOrEqual(3)
      expect(journal.statistics().deadLetters).toBe(3)
      await expect.poll(() => city.lost.size).toBe(3)
      expectInvariant(city, 3)
      expect(city.verifier.report().readings).toBe(3)
    })
  }
})

describe('a broker that closes the connection on one record', () => {
  it('has it given up after it was proven alone; what is before, behind and beside it arrives', { timeout: 60_000 }, async () => {
    const city = countingCity()
    const broker = await scriptedBroker({ publish(packet, answer, connection) {
      if (packet.topic.endsWith('/up/event') && JSON.parse(packet.payload.toString()).data.n === 5) { connection.close(); return }
      city.accept(packet.topic, packet.payload)
      answer()
    } })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 60)
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(8) })
    await drained(reader)
    expect(uplink.status().rejected).toBe(1)
    expect([...city.lost]).toEqual([5])
    expect([...city.numbers].toSorted((a, b) => a - b)).toEqual(upTo(60).filter((n) => n !== 5))
    expectInvariant(city, 60)
  })
  it('condemns nothing when the broker says that it is shutting down', { timeout: 60_000 }, async () => {
    const city = countingCity()
    const broker = await scriptedBroker({ publish(packet, answer, connection) {
      if (packet.topic.includes('/up/') && connection.number < 9) { connection.send({ cmd: 'disconnect', reasonCode: 0x8b }); connection.close(); return }
      city.accept(packet.topic, packet.payload)
      answer()
    } })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 10)
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(40) })
    await drained(reader)
    expect(uplink.status()).toMatchObject({ rejected: 0, lastError: 'UPLINK_CLOSED', lastErrorDetail: expect.stringContaining('0x8b') })
    expectInvariant(city, 10)
  })
  it('condemns nothing when the broker merely dies again and again', { timeout: 60_000 }, async () => {
    const city = countingCity()
    // Answers the announcement, then dies on the first record, seven times, whatever the record is.
    const broker = await scriptedBroker({ publish(packet, answer, connection) {
      if (packet.topic.includes('/up/') && connection.number < 6) { connection.close(); return }
      city.accept(packet.topic, packet.payload)
      answer()
    } })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 10)
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(8) })
    await drained(reader)
    expect(uplink.status().rejected).toBe(0)
    expect([...city.numbers]).toEqual(upTo(10))
    expectInvariant(city, 10)
  })
})

describe('a broker whose maximum packet size is 64 KiB', () => {
  itWith('mosquitto')('gets every record that the gateway makes, and the larger ones of an older setting are declared', async () => {
    const broker = await mosquitto(['max_packet_size 65536'])
    const city = countingCity()
    await watch(broker.url, 5, city)
    const { journal, reader } = await realJournal({ maxMessageBytes: 131_072 })
    await journal.commit({ events: [event(1)], urgent: true })
    await journal.commit({ events: [event(2, { data: { n: 2, text: 'x'.repeat(80_000) } })], urgent: true })
    await journal.commit({ events: [event(3, { data: { n: 3, text: 'x'.repeat(64_000) } })], urgent: true })
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(8) })
    await drained(reader)
    await expect.poll(() => city.lost.size).toBe(1)
    expect(uplink.status()).toMatchObject({ rejected: 1, reconnects: 0 })
    expect([...city.numbers]).toEqual([1, 3])
    expectInvariant(city, 3)
  })
  itWith('mosquitto')('refuses none of a backlog packed as full as the default allows', async () => {
    const { sections } = await import('../../firmware-config/site/schema.ts')
    const { maxMessageBytes } = sections.journal.parse({})
    const broker = await mosquitto(['max_packet_size 65536'])
    const city = countingCity()
    await watch(broker.url, 5, city)
    const { journal, reader } = await realJournal({ maxMessageBytes })
    await journal.commit({ events: [event(1)], readings: Array.from({ length: 5_000 }, (_, n) => reading('hall.t', n)), urgent: true })
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(8) })
    await drained(reader)
    await expect.poll(() => city.verifier.report().readings).toBe(5_000)
    expect(uplink.status()).toMatchObject({ rejected: 0, reconnects: 0 })
    expectInvariant(city, 1)
  })
})
