import { describe, expect, it } from 'vitest'
import mqtt from 'mqtt'
import type { DecodedRecord } from '../../cloud-sync/decode.ts'
import type { Journal } from '../../gateway/contract/index.ts'
import { scriptedBroker, type BrokerConnection } from '../support/brokers.ts'
import { countingCity, expectInvariant, upTo, type Counted } from '../support/city.ts'
import { fastClock } from '../support/clocks.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { reading } from '../support/points.ts'
import { itWith } from '../support/tools.ts'
import { backlogOf, base, conditions, realJournal, startUplink } from '../support/uplinks.ts'

const produce = async (journal: Journal, from: number, to: number): Promise<void> => { for (let n = from; n <= to; n++) await journal.commit({ events: [event(n)], readings: [reading('hall.t', n)], urgent: true }) }

/** A platform that confirms, of each stream and epoch, the end of what it has without a hole. */
async function platform(url: string, city: Counted): Promise<{ stop(): Promise<void> }> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, clientId: 'platform', clean: false, reconnectPeriod: 0, properties: { sessionExpiryInterval: 3_600 } })
  client.on('error', () => {})
  const have = new Map<string, Set<number>>()
  client.on('message', (topic, payload) => {
    const record = city.accept(topic, payload)
    if (record) client.publish(`${base}/ack`, JSON.stringify(contiguous(have, record)), { qos: 1 })
  })
  await client.subscribeAsync(`${base}/up/#`, { qos: 1 })
  return { stop: () => client.endAsync(true) }
}

function contiguous(have: Map<string, Set<number>>, { stream, epoch, seq }: Pick<DecodedRecord, 'stream' | 'epoch' | 'seq'>): object {
  const key = `${stream}/${epoch}`
  const seen = have.get(key) ?? new Set<number>()
  have.set(key, seen.add(seq))
  let end = 0
  while (seen.has(end + 1)) end++
  return { stream, epoch, seq: end }
}

describe('end-to-end acknowledgement', () => {
  itWith('mosquitto')('a broker killed after PUBACK, with everything in its memory, loses nothing', { timeout: 60_000 }, async () => {
    const broker = await mosquitto(['persistence false'])
    const city = countingCity()
    // The platform has a session and is away: the broker takes its messages into memory.
    const before = await platform(broker.url, countingCity())
    await before.stop()
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url, confirm: true }, { clock: fastClock(60) })
    await produce(journal, 1, 60)
    await expect.poll(() => uplink.status().acked, { timeout: 10_000 }).toBeGreaterThanOrEqual(120)
    await broker.kill()
    // All of it is acknowledged and gone, and the journal still has it.
    expect(backlogOf(reader)).toBeGreaterThanOrEqual(120)
    await broker.start()
    await platform(broker.url, city)
    await produce(journal, 61, 80)
    await expect.poll(() => backlogOf(reader), { timeout: 30_000 }).toBe(0)
    expect([...city.numbers].toSorted((a, b) => a - b)).toEqual(upTo(80))
    expect(uplink.status().confirmations).toMatchObject({ waiting: 0 })
    expect(uplink.status().resent).toBeGreaterThanOrEqual(120)
    expectInvariant(city, 80)
  })
  itWith('mosquitto')('with the broker\'s word alone the same kill does lose records, which is why it exists', { timeout: 60_000 }, async () => {
    const broker = await mosquitto(['persistence false'])
    const city = countingCity()
    await (await platform(broker.url, countingCity())).stop()
    const { journal, reader } = await realJournal()
    startUplink(journal, reader, { url: broker.url })
    await produce(journal, 1, 20)
    await expect.poll(() => backlogOf(reader)).toBe(0)
    await broker.kill()
    await broker.start()
    await platform(broker.url, city)
    await produce(journal, 21, 30)
    await expect.poll(() => city.numbers.size, { timeout: 10_000 }).toBe(10)
    expect(city.verifier.report().holes.length).toBeGreaterThan(0)
  })

  /** A scripted platform behind a scripted broker: the test decides what is confirmed. */
  async function road(script: { refuse?(record: { readonly stream: string; readonly n: unknown }): boolean } = {}) {
    const city = countingCity()
    const ids: string[] = []
    let link: BrokerConnection | undefined
    const broker = await scriptedBroker({
      subscribe: (_, connection) => { link = connection },
      publish({ topic, payload }, answer) {
        if (!topic.includes('/up/')) return answer()
        const { id, data } = JSON.parse(payload.toString())
        if (script.refuse?.({ stream: topic.slice(topic.lastIndexOf('/') + 1), n: data.n })) return answer(0x87)
        ids.push(id)
        city.accept(topic, payload)
        answer()
      },
    })
    const { journal, reader } = await realJournal()
    const told = conditions()
    const { uplink } = startUplink(journal, reader, { url: broker.url, confirm: true }, { clock: fastClock(200), conditions: told })
    let messageId = 1
    const confirm = (body: unknown, retain = false): void => link!.send({ cmd: 'publish', topic: `${base}/ack`, payload: typeof body === 'string' ? body : JSON.stringify(body), qos: 1, messageId: messageId++, retain, dup: false })
    return { city, ids, journal, reader, told, uplink, confirm }
  }
  const events = (ids: readonly string[]): number[] => ids.filter((id) => id.includes('/event/')).map((id) => Number(id.slice(id.lastIndexOf('/') + 1)))

  it('sends what is unconfirmed again under the same ids from the first one on, and settles what is confirmed', { timeout: 30_000 }, async () => {
    const { city, ids, journal, reader, uplink, confirm } = await road()
    for (let n = 1; n <= 5; n++) await journal.commit({ events: [event(n)], urgent: true })
    await expect.poll(() => city.numbers.size).toBe(5)
    confirm({ stream: 'event', epoch: journal.epoch, seq: 2 })
    await expect.poll(() => reader.position('event')).toEqual({ epoch: journal.epoch, seq: 2 })
    await expect.poll(() => events(ids).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(8)
    expect(events(ids).slice(0, 8)).toEqual([1, 2, 3, 4, 5, 3, 4, 5])
    confirm({ stream: 'event', epoch: journal.epoch, seq: 5 })
    await expect.poll(() => reader.backlog().event!.records).toBe(0)
    expect(uplink.status().confirmations).toMatchObject({ ignored: 0, confirmed: 5 })
    expectInvariant(city, 5)
  })
  it('counts a refused record as confirmed, also when it is the last', { timeout: 30_000 }, async () => {
    const { city, journal, reader, uplink, confirm } = await road({ refuse: ({ stream, n }) => stream === 'event' && (n === 3 || n === 5) })
    for (let n = 1; n <= 5; n++) await journal.commit({ events: [event(n)], urgent: true })
    await expect.poll(() => uplink.status().rejected).toBe(2)
    await expect.poll(() => city.lost.size).toBe(2)
    // The ledger's gap tells the platform that 5 is lost, so its word goes up to there.
    confirm({ stream: 'event', epoch: journal.epoch, seq: 5 })
    await expect.poll(() => reader.position('event')).toEqual({ epoch: journal.epoch, seq: 5 })
    expect(uplink.status().confirmations).toMatchObject({ ignored: 0 })
    expectInvariant(city, 5)
  })
  it('ignores and counts what makes no sense', async () => {
    const { city, journal, reader, uplink, confirm } = await road()
    await journal.commit({ events: [event(1)], urgent: true })
    await expect.poll(() => city.numbers.size).toBe(1)
    const right = { stream: 'event', epoch: journal.epoch, seq: 1 }
    const wrong: readonly [unknown, boolean?][] = [
      [{ ...right, seq: 2 }], [{ ...right, epoch: '00000099-00000000' }], [{ ...right, stream: 'nonsense' }], [{ ...right, stream: '__proto__' }], [{ ...right, seq: 0 }], [{ ...right, seq: 1.5 }],
      [{ ...right, seq: '1' }], [{ ...right, seq: 1e300 }], [[right]], [null], [1], ['{'], [''], [JSON.stringify(right).padEnd(2_000)], [right, true],
    ]
    for (const [body, retain] of wrong) confirm(body, retain)
    await expect.poll(() => uplink.status().confirmations?.ignored).toBe(wrong.length)
    expect(reader.position('event')).toBeNull()
    confirm({ ...right, comment: 'thanks' })
    await expect.poll(() => reader.position('event')).toEqual({ epoch: journal.epoch, seq: 1 })
    expectInvariant(city, 1)
  })
  it('alerts when the platform is silent for ten minutes, keeps no more than its share in the air, and is calm when it speaks', { timeout: 60_000 }, async () => {
    const { city, journal, reader, told, uplink, confirm } = await road()
    for (let n = 0; n < 1_500; n += 100) await journal.commit({ events: upTo(100).map((each) => event(n + each)), urgent: true })
    await expect.poll(() => city.numbers.size, { timeout: 20_000 }).toBe(1_000)
    await expect.poll(() => told.raised.get('uplink/city/unconfirmed'), { timeout: 20_000 }).toMatchObject({ severity: 3 })
    expect(city.numbers.size).toBe(1_000)
    expect(uplink.status().confirmations!.waiting).toBeLessThanOrEqual(1_100)
    confirm({ stream: 'event', epoch: journal.epoch, seq: 1_000 })
    await expect.poll(() => city.numbers.size, { timeout: 10_000 }).toBe(1_500)
    confirm({ stream: 'event', epoch: journal.epoch, seq: 1_500 })
    await expect.poll(() => reader.backlog().event!.records).toBe(0)
    await expect.poll(() => told.raised.has('uplink/city/unconfirmed'), { timeout: 5_000 }).toBe(false)
    expectInvariant(city, 1_500)
  })
})
