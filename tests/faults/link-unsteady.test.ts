import { describe, expect, it, onTestFinished } from 'vitest'
import type { Journal } from '../../gateway/contract/index.ts'
import { scriptedBroker } from '../support/brokers.ts'
import { countingCity, expectInvariant, upTo } from '../support/city.ts'
import { fastClock } from '../support/clocks.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { itWith } from '../support/tools.ts'
import { scale } from '../support/seed.ts'
import { backlogOf, conditions, realJournal, startUplink, watch } from '../support/uplinks.ts'

const produce = async (journal: Journal, from: number, to: number): Promise<void> => { for (let n = from; n <= to; n++) await journal.commit({ events: [event(n)] }) }

describe('a road that is no good', () => {
  const factor = 20
  itWith('mosquitto')('flaps every five seconds: nothing is lost, nothing condemned, and it gets on', { timeout: 60_000 * scale }, async () => {
    const broker = await mosquitto()
    const proxy = await tcpProxy(broker.port)
    const flapping = setInterval(() => proxy.cut(), 5_000 / factor)
    onTestFinished(() => clearInterval(flapping))
    const city = countingCity()
    await watch(broker.url, 5, city)
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: proxy.url }, { clock: fastClock(factor) })
    // A little at a time, so that there is always something to lose.
    const total = 1_000 * scale
    for (let n = 0; n < total; n += 100) { await produce(journal, n + 1, n + 100); await new Promise((resolve) => setTimeout(resolve, 50)) }
    await expect.poll(() => backlogOf(reader), { timeout: 30_000 * scale }).toBe(0)
    await expect.poll(() => city.numbers.size).toBe(total)
    expect(uplink.status().reconnects).toBeGreaterThan(3)
    expect(uplink.status().rejected).toBe(0)
    expectInvariant(city, total)
  })
  it('takes one message a second and three in the air: its receive maximum is kept, and no deadline is missed', async () => {
    const city = countingCity()
    let inAir = 0
    let most = 0
    let queue = Promise.resolve()
    const broker = await scriptedBroker({
      connack: () => ({ properties: { receiveMaximum: 3 } }),
      publish(packet, answer) {
        most = Math.max(most, ++inAir)
        queue = queue.then(() => new Promise((resolve) => setTimeout(resolve, 1_000 / factor))).then(() => { inAir--; city.accept(packet.topic, packet.payload); answer() })
      },
    })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 60)
    const { uplink } = startUplink(journal, reader, { url: broker.url }, { clock: fastClock(factor) })
    await expect.poll(() => backlogOf(reader), { timeout: 15_000 }).toBe(0)
    expect(most).toBe(3)
    expect(uplink.status()).toMatchObject({ reconnects: 0, resent: 0 })
    expect([...city.numbers]).toEqual(upTo(60))
    expectInvariant(city, 60)
  })
  for (const protocol of ['5', '3.1.1'] as const) {
    itWith('mosquitto')(`two gateways with one client id over MQTT ${protocol}: both say so, both wait, and both bring everything`, { timeout: 60_000 }, async () => {
      const broker = await mosquitto()
      const cities = [countingCity('twin-0'), countingCity('twin-1')]
      const both = await Promise.all(cities.map(async (city, index) => {
        const { journal, reader } = await realJournal()
        const told = conditions()
        await watch(broker.url, 5, city, { prefix: `twin-${index}`, clientId: `watcher-${index}` })
        const { uplink, stop } = startUplink(journal, reader, { url: broker.url, protocol, clientId: 'twin', prefix: `twin-${index}` }, { clock: fastClock(100), conditions: told })
        return { journal, reader, told, uplink, stop }
      }))
      const [first, second] = both
      for (let n = 0; n < 200; n += 20) {
        await Promise.all(both.map(({ journal }) => produce(journal, n + 1, n + 20)))
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      await expect.poll(() => both.some(({ told }) => told.raised.get('uplink/city/taken-over')?.severity === 2), { timeout: 20_000 }).toBe(true)
      await second!.stop()
      await expect.poll(() => backlogOf(first!.reader), { timeout: 20_000 }).toBe(0)
      // Alone again, the alert goes away by itself.
      await expect.poll(() => first!.told.raised.has('uplink/city/taken-over'), { timeout: 20_000 }).toBe(false)
      await first!.stop()
      const { uplink } = startUplink(second!.journal, second!.reader, { url: broker.url, protocol, clientId: 'twin', prefix: 'twin-1' })
      await expect.poll(() => backlogOf(second!.reader), { timeout: 20_000 }).toBe(0)
      expect(uplink.status().rejected).toBe(0)
      for (const city of cities) {
        await expect.poll(() => city.numbers.size).toBe(200)
        expectInvariant(city, 200)
      }
    })
  }
})
