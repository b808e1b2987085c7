import { describe, expect, it, onTestFinished } from 'vitest'
import { ProtocolChoice } from '../../cloud-sync/protocol-choice.ts'
import { createVerifier } from '../../cloud-sync/verify/verifier.ts'
import { startCity } from '../../cloud-sync/simulator.ts'
import type { Journal, JournalReader } from '../../gateway/contract/index.ts'
import { FakeClock } from '../../gateway/kit/index.ts'
import { scriptedBroker } from '../support/brokers.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { reading } from '../support/points.ts'
import { freePort } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { base, realJournal, startUplink, watch } from '../support/uplinks.ts'

const withMosquitto = itWith('mosquitto')
const produce = async (journal: Journal, from: number, to: number): Promise<void> => {
  for (let n = from; n <= to; n++) await journal.commit({ events: [event(n)], readings: [reading('hall.t', n)], urgent: true })
}
const numbers = (records: readonly { stream: string; data: { readonly [key: string]: unknown } }[]) => records.filter(({ stream }) => stream === 'event').map(({ data }) => data.n)
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

describe('the uplink against mosquitto', () => {
  for (const protocol of ['5', '3.1.1'] as const) {
    withMosquitto(`brings every record once and in order over MQTT ${protocol}, with status and model retained`, async () => {
      const broker = await mosquitto()
      const city = await watch(broker.url)
      const { journal, reader } = await realJournal()
      const { uplink, stop } = startUplink(journal, reader, { url: broker.url, protocol })
      await produce(journal, 1, 50)
      await expect.poll(() => numbers(city.records).length, { timeout: 10_000 }).toBe(50)
      await expect.poll(() => reader.backlog().event!.records + reader.backlog().telemetry!.records).toBe(0)
      expect(numbers(city.records)).toEqual(upTo(50))
      expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0, duplicates: 0, readings: 50 })
      expect(uplink.status()).toMatchObject({ state: 'online', protocol: protocol === '5' ? 5 : 4, rejected: 0 })
      expect(JSON.parse(city.retained.get(`${base}/status`)!)).toMatchObject({ state: 'online', epoch: journal.epoch })
      expect(JSON.parse(city.retained.get(`${base}/model`)!)).toMatchObject({ gateway: 'hall-1', part: 1, parts: 1 })
      expect(city.retained.has(`${base}/snapshot`)).toBe(true)
      await stop()
      await expect.poll(() => JSON.parse(city.retained.get(`${base}/status`)!).state).toBe('offline')
    })
  }
  withMosquitto('loses nothing when the broker is killed in the middle, and resends under the same ids', async () => {
    const broker = await mosquitto(['persistence true', 'persistence_location {folder}/'])
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url })
    const city = await watch(broker.url)
    await produce(journal, 1, 100)
    await expect.poll(() => numbers(city.records).length, { timeout: 10_000 }).toBe(100)
    // So that the city's subscription outlives the crash; what the broker acknowledges after that and loses is the broker's.
    await broker.save()
    await broker.kill()
    await produce(journal, 101, 150)
    expect(uplink.status().state).not.toBe('online')
    expect(reader.backlog().event!.records).toBeGreaterThanOrEqual(50)
    await broker.start()
    await expect.poll(() => reader.backlog().event!.records + reader.backlog().telemetry!.records, { timeout: 20_000 }).toBe(0)
    await expect.poll(() => new Set(numbers(city.records)).size, { timeout: 10_000 }).toBe(150)
    expect(city.verifier.report().chainBreaks).toEqual([])
  })
  withMosquitto('marks an old backlog as such over MQTT 5', async () => {
    const broker = await mosquitto()
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 1)
    const city = await watch(broker.url)
    const clock = { now: () => Date.now() + 120_000, monotonic: () => performance.now(), after: (ms: number, task: () => void) => { const timer = setTimeout(task, ms); return () => clearTimeout(timer) }, sleep: (ms: number) => new Promise<void>((resolve) => { setTimeout(resolve, Math.min(ms, 50)) }) }
    startUplink(journal, reader, { url: broker.url }, { clock })
    await expect.poll(() => city.records.length).toBeGreaterThan(0)
    expect(city.properties[0]).toEqual({ backfill: 'true' })
  })
  withMosquitto('knows that another client took its id, and waits long before it tries again', async () => {
    const broker = await mosquitto()
    const { journal, reader } = await realJournal()
    const first = startUplink(journal, reader, { url: broker.url, clientId: 'twin' })
    await expect.poll(() => first.uplink.status().state).toBe('online')
    startUplink(journal, await journal.reader('other', { from: 'start' }), { url: broker.url, clientId: 'twin' })
    await expect.poll(() => first.uplink.status(), { timeout: 10_000 }).toMatchObject({ lastError: 'UPLINK_TAKEN_OVER', state: 'backing-off' })
  })
})

describe('the uplink', () => {
  it('buffers while the broker is down at start, and catches up when it comes', async () => {
    const port = await freePort()
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: `mqtt://127.0.0.1:${port}` })
    await produce(journal, 1, 20)
    await expect.poll(() => uplink.status().lastError).toBe('UPLINK_CONNECT_FAILED')
    const city = await startCity({ port })
    onTestFinished(() => city.stop())
    await expect.poll(() => reader.backlog().event!.records, { timeout: 10_000 }).toBe(0)
    expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0, readings: 20 })
  })
  it('falls back to 3.1.1 where the broker does not speak MQTT 5', async () => {
    const city = await startCity()
    onTestFinished(() => city.stop())
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: city.url, protocol: '5' })
    await expect.poll(() => uplink.status()).toMatchObject({ state: 'online', protocol: 4 })
  })
  it('takes 3.1.1 where the broker closes MQTT 5 connections without a word, as RabbitMQ 3.10 does', async () => {
    const broker = await scriptedBroker({ protocol: 4, connack: (connection) => { if (connection.connect.protocolVersion !== 5) return {}; connection.close(); return null } })
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url })
    await expect.poll(() => uplink.status(), { timeout: 10_000 }).toMatchObject({ state: 'online', protocol: 4 })
    expect(broker.connections.map(({ connect }) => connect.protocolVersion)).toEqual([5, 5, 4, 5, 4])
  })
  it('stays with MQTT 5 when it was only a load balancer without its broker that closed the connections', async () => {
    const broker = await scriptedBroker({ connack: (connection) => { if (connection.number > 2) return {}; connection.close(); return null } })
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url })
    await expect.poll(() => uplink.status(), { timeout: 10_000 }).toMatchObject({ state: 'online', protocol: 5 })
    expect(broker.connections.map(({ connect }) => connect.protocolVersion)).toEqual([5, 5, 4, 5])
  })
  it('asks for MQTT 5 again a day after the broker refused it', async () => {
    const clock = new FakeClock()
    const choice = new ProtocolChoice('5', clock)
    choice.fallBack()
    expect(choice.next()).toBe(4)
    await clock.advance(86_400_000)
    expect(choice.next()).toBe(5)
  })
  it('sends stored bytes as they are when the consumer takes zstd', async () => {
    const city = await startCity()
    onTestFinished(() => city.stop())
    const { journal, reader } = await realJournal()
    startUplink(journal, reader, { url: city.url, protocol: '3.1.1', encoding: 'zstd' })
    await journal.commit({ readings: Array.from({ length: 200 }, (_, n) => reading('hall.t', n)) })
    await expect.poll(() => city.verifier.report()).toMatchObject({ readings: 200, invalid: 0 })
  })
  it('gives up a broker that answers everything but publishes, and sends it all again to the next', async () => {
    const seen: string[] = []
    const broker = await scriptedBroker({ protocol: 4, publish: (packet, answer, { number }) => {
      if (packet.topic.includes('/up/event')) seen.push(`${number === 1 ? 'silent' : 'good'} ${JSON.parse(packet.payload.toString()).id}`)
      if (number > 1) answer()
    } })
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url, protocol: '3.1.1', ackTimeout: '300ms' })
    await produce(journal, 1, 2)
    await expect.poll(() => reader.backlog().event!.records, { timeout: 10_000 }).toBe(0)
    expect(uplink.status()).toMatchObject({ lastError: 'UPLINK_ACK_TIMEOUT', reconnects: 1 })
    const ids = (kind: string) => seen.filter((line) => line.startsWith(kind)).map((line) => line.split(' ')[1])
    expect(ids('good')).toEqual(ids('silent'))
    expect(ids('good')).toHaveLength(2)
  })
  it('keeps what the broker refuses for good as a dead letter, declares it, and goes on', async () => {
    const verifier = createVerifier({ fromStart: true })
    const broker = await scriptedBroker({ publish: (packet, answer) => {
      const refused = packet.topic.endsWith('/up/event')
      if (!refused && packet.topic.includes('/up/')) verifier.accept(packet.topic, packet.payload as Buffer)
      answer(refused ? 0x87 : 0)
    } })
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url })
    await produce(journal, 1, 3)
    await expect.poll(() => uplink.status().rejected, { timeout: 5_000 }).toBe(3)
    await expect.poll(() => verifier.report().gaps).toBeGreaterThan(0)
    await expect.poll(() => reader.backlog().ledger!.records + reader.backlog().event!.records).toBe(0)
    expect(journal.statistics().deadLetters).toBe(3)
    expect(verifier.report()).toMatchObject({ holes: [], chainBreaks: [], readings: 3 })
  })
  it('waits and sends again when the broker is over its quota', async () => {
    let answers = 0
    const broker = await scriptedBroker({ publish: (packet, answer) => answer(packet.topic.endsWith('/up/event') && answers++ === 0 ? 0x97 : 0) })
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url })
    await produce(journal, 1, 3)
    await expect.poll(() => reader.backlog().event!.records, { timeout: 10_000 }).toBe(0)
    expect(uplink.status()).toMatchObject({ lastError: 'UPLINK_BUSY', rejected: 0 })
  })
  it('settles each record on a disk so slow that the next acknowledgements come before the last are written', async () => {
    const broker = await scriptedBroker({})
    const { journal, reader } = await realJournal()
    const slow: JournalReader = {
      name: reader.name, streams: reader.streams, position: (stream) => reader.position(stream), take: (...args) => reader.take(...args), backlog: () => reader.backlog(),
      settle: async (stream, verdicts) => { const all = [...verdicts]; await new Promise((resolve) => setTimeout(resolve, 70)); await reader.settle(stream, all) },
    }
    const { uplink } = startUplink(journal, slow, { url: broker.url })
    for (let n = 1; n <= 100; n++) { await journal.commit({ events: [event(n)], urgent: true }); await new Promise((resolve) => setTimeout(resolve, 4)) }
    await expect.poll(() => reader.backlog().event!.records, { timeout: 5_000 }).toBe(0)
    expect(uplink.status()).toMatchObject({ reconnects: 0, acked: 100 })
  })
  it('stops within a second of being told, also while the broker is unreachable', async () => {
    const { journal, reader } = await realJournal()
    const { uplink, stop } = startUplink(journal, reader, { url: `mqtt://127.0.0.1:${await freePort()}` })
    await expect.poll(() => uplink.status().state).toBe('backing-off')
    const began = performance.now()
    await stop()
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(uplink.status().state).toBe('stopped')
  })
  it('says that a password is missing rather than that the broker is away', async () => {
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: 'mqtt://127.0.0.1:1', username: 'x', password: { env: 'LINLI_TEST_NO_SUCH_SECRET' } })
    await expect.poll(() => uplink.status().lastError).toBe('CONFIG_SECRET_MISSING')
  })
})
