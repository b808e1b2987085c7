import { describe, expect, it } from 'vitest'
import type { Journal } from '../../gateway/contract/index.ts'
import { scriptedBroker } from '../support/brokers.ts'
import { countingCity, expectInvariant } from '../support/city.ts'
import { fastClock } from '../support/clocks.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { itWith } from '../support/tools.ts'
import { backlogOf, realJournal, startUplink, watch } from '../support/uplinks.ts'

const produce = async (journal: Journal, from: number, to: number): Promise<void> => { for (let n = from; n <= to; n++) await journal.commit({ events: [event(n)], urgent: true }) }

describe('a broker that goes silent', () => {
  it('accepts TCP and gives no CONNACK: given up after ten seconds, named, and everything comes with the next', async () => {
    const city = countingCity()
    const broker = await scriptedBroker({
      connack: ({ number }) => (number <= 2 ? null : {}),
      publish(packet, answer) { city.accept(packet.topic, packet.payload); answer() },
    })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 20)
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(20) })
    await expect.poll(() => uplink.status().lastError, { timeout: 5_000 }).toBe('UPLINK_NO_CONNACK')
    await expect.poll(() => backlogOf(reader), { timeout: 10_000 }).toBe(0)
    // Two that were silent, a try with 3.1.1, and MQTT 5 again before that is believed.
    expect(broker.connections.map(({ connect }) => connect.protocolVersion)).toEqual([5, 5, 4, 5])
    expectInvariant(city, 20)
  })
  it('gives CONNACK and never a PUBACK: given up at the deadline, nothing condemned, all of it again to the next', async () => {
    const city = countingCity()
    let silent = true
    const broker = await scriptedBroker({ publish(packet, answer) { if (silent) return; city.accept(packet.topic, packet.payload); answer() } })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 20)
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(50) })
    await expect.poll(() => uplink.status().reconnects, { timeout: 10_000 }).toBeGreaterThan(3)
    expect(uplink.status()).toMatchObject({ lastError: 'UPLINK_ACK_TIMEOUT', acked: 0 })
    silent = false
    await expect.poll(() => backlogOf(reader), { timeout: 10_000 }).toBe(0)
    expect(uplink.status().rejected).toBe(0)
    expectInvariant(city, 20)
  })
  itWith('mosquitto')('half-open with nothing to send: the ping tells, and the next connection brings what came meanwhile', { timeout: 30_000 }, async () => {
    const broker = await mosquitto()
    const proxy = await tcpProxy(broker.port)
    const city = countingCity()
    await watch(broker.url, 5, city)
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: proxy.url, keepalive: '1s' })
    await produce(journal, 1, 5)
    await expect.poll(() => backlogOf(reader)).toBe(0)
    proxy.freeze()
    await expect.poll(() => uplink.status().lastError, { timeout: 10_000 }).toBe('UPLINK_SILENT')
    await produce(journal, 6, 10)
    proxy.thaw()
    proxy.cut()
    await expect.poll(() => backlogOf(reader), { timeout: 15_000 }).toBe(0)
    await expect.poll(() => city.numbers.size).toBe(10)
    expectInvariant(city, 10)
  })
  itWith('mosquitto')('half-open in the middle of a backlog: the PUBACK deadline tells', { timeout: 30_000 }, async () => {
    const broker = await mosquitto()
    const proxy = await tcpProxy(broker.port)
    const city = countingCity()
    await watch(broker.url, 5, city)
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: proxy.url }, { clock: fastClock(20) })
    await expect.poll(() => uplink.status().state).toBe('online')
    proxy.freeze()
    await produce(journal, 1, 300)
    await expect.poll(() => uplink.status().lastError, { timeout: 10_000 }).toBe('UPLINK_ACK_TIMEOUT')
    proxy.thaw()
    proxy.cut()
    await expect.poll(() => backlogOf(reader), { timeout: 15_000 }).toBe(0)
    await expect.poll(() => city.numbers.size).toBe(300)
    expectInvariant(city, 300)
  })
})
