import type { IConnectPacket, IPublishPacket } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import type { CityMessage } from '../../cloud-sync/commands/port.ts'
import type { CityLink } from '../../cloud-sync/link.ts'
import type { Journal } from '../../gateway/contract/index.ts'
import { createLog } from '../../gateway/kit/index.ts'
import { scriptedBroker, type BrokerConnection } from '../support/brokers.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { reading } from '../support/points.ts'
import { itWith } from '../support/tools.ts'
import { backlogOf, base, realJournal, startUplink, watch } from '../support/uplinks.ts'

const produce = async (journal: Journal, from: number, to: number): Promise<void> => { for (let n = from; n <= to; n++) await journal.commit({ events: [event(n)], urgent: true }) }
const drained = (reader: Parameters<typeof backlogOf>[0]) => expect.poll(() => backlogOf(reader), { timeout: 10_000 }).toBe(0)

describe('what an uplink puts on the wire over MQTT 5', () => {
  it('sends a topic once a connection and its alias from then on, and begins anew after a loss', async () => {
    const seen: string[][] = []
    const broker = await scriptedBroker({
      connack: () => { seen.push([]); return { properties: { topicAliasMaximum: 2 } } },
      publish({ topic, properties }, answer, connection) {
        if (topic === '' || topic.includes('/up/')) seen.at(-1)!.push(`${topic.replace(`${base}/up/`, '')}#${properties?.topicAlias ?? '-'}`)
        // The third record goes unanswered and dies with the connection: it is sent again by the next.
        if (connection.number === 1 && seen.at(-1)!.length >= 3) connection.close()
        else answer()
      },
    })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 4)
    startUplink(journal, reader, { url: broker.url })
    await drained(reader)
    expect(seen[0]!.slice(0, 3)).toEqual(['event#1', '#1', '#1'])
    expect(seen[1]!.filter((line) => !line.startsWith('#'))).toEqual(['event#1'])
    expect(seen[1]).toContain('#1')
    // More streams than aliases: whichever comes last goes by its name.
    await journal.commit({ events: [event(9, { stream: 'alert', type: 'alert' })], readings: [reading('hall.t', 1)], urgent: true })
    await drained(reader)
    const [names, aliases] = [0, 1].map((part) => seen[1]!.slice(-2).map((line) => line.split('#')[part]!).toSorted())
    expect(names).toEqual(['alert', 'telemetry'])
    expect(aliases).toEqual(['-', '2'])
  })
  it('uses no alias where the broker allows none', async () => {
    const aliases: unknown[] = []
    const broker = await scriptedBroker({ publish({ topic, properties }, answer) { aliases.push(topic === '' || properties?.topicAlias); answer() } })
    const { journal, reader } = await realJournal()
    await produce(journal, 1, 3)
    startUplink(journal, reader, { url: broker.url })
    await drained(reader)
    expect(new Set(aliases)).toEqual(new Set([undefined]))
  })
  for (const [encoding, contentType] of [['plain', 'application/cloudevents+json'], ['zstd', 'application/cloudevents+json+zstd']] as const) {
    it(`names the content of a ${encoding} record ${contentType}`, async () => {
      const seen: unknown[] = []
      const broker = await scriptedBroker({ publish({ topic, properties, payload }, answer) { if (topic.endsWith('/up/telemetry')) seen.push(properties?.contentType, (payload as Buffer)[0]); answer() } })
      const { journal, reader } = await realJournal()
      await journal.commit({ readings: Array.from({ length: 200 }, (_, n) => reading('hall.t', n)), urgent: true })
      startUplink(journal, reader, { url: broker.url, encoding })
      await drained(reader)
      expect(seen).toEqual([contentType, encoding === 'zstd' ? 0x28 : 0x7b])
    })
  }
  it('keeps a session at the broker for those who are spoken to, and none for others', async () => {
    const connects: IConnectPacket[] = []
    const broker = await scriptedBroker({ connack: ({ connect }) => { connects.push(connect); return {} } })
    const { journal } = await realJournal()
    for (const [id, more] of [['plain', {}], ['commanded', { commands: { actors: ['x'] } }], ['confirmed', { confirm: true, sessionExpiry: '2h' }], ['forgetful', { commands: { actors: ['x'] }, sessionExpiry: '0s' }]] as const) {
      const { uplink } = startUplink(journal, await journal.reader(id, { from: 'start' }), { id, url: broker.url, ...more })
      await expect.poll(() => uplink.status().state).toBe('online')
    }
    expect(connects.map(({ clientId, clean, properties }) => [clientId, clean, properties?.sessionExpiryInterval])).toEqual([
      ['linli-hall-1-plain', true, undefined], ['linli-hall-1-commanded', false, 3_600], ['linli-hall-1-confirmed', false, 7_200], ['linli-hall-1-forgetful', true, undefined],
    ])
  })
})

describe('the port that commands and acknowledgements hang on', () => {
  it('hears a message that comes right behind CONNACK, with what MQTT 5 says about it, and answers on the same link', async () => {
    const answers: IPublishPacket[] = []
    const broker = await scriptedBroker({
      connack(connection) {
        queueMicrotask(() => connection.send({ cmd: 'publish', topic: `${base}/cmd/req`, payload: 'open', qos: 1, messageId: 7, retain: false, dup: false, properties: { messageExpiryInterval: 30, responseTopic: 'r', correlationData: Buffer.from('c') } }))
        return { sessionPresent: true }
      },
      publish(packet, answer) { if (packet.topic === 'r') answers.push(packet); answer() },
    })
    const { journal, reader } = await realJournal()
    const heard: CityMessage[] = []
    startUplink(journal, reader, { url: broker.url, commands: { actors: ['x'] } }, {
      attached: (link) => { link.subscribe(`${base}/cmd/req`, (message) => { heard.push(message); link.publish('r', Buffer.from('done'), { correlationData: message.correlationData! }) }) },
    })
    await expect.poll(() => answers.length).toBe(1)
    expect(heard).toMatchObject([{ retain: false, responseTopic: 'r', expirySeconds: 30 }])
    expect(answers[0]).toMatchObject({ payload: Buffer.from('done'), qos: 1, retain: false, properties: { correlationData: Buffer.from('c') } })
  })
  for (const protocol of ['5', '3.1.1'] as const) {
    itWith('mosquitto')(`brings over MQTT ${protocol} what was sent while the gateway was away`, async () => {
      const broker = await mosquitto()
      const city = await watch(broker.url)
      const { journal, reader } = await realJournal()
      const heard: string[] = []
      const attached = (link: CityLink): void => { link.subscribe(`${base}/cmd/req`, ({ payload }) => { heard.push(Buffer.from(payload).toString()) }) }
      const config = { url: broker.url, protocol, commands: { actors: ['x'] } }
      const first = startUplink(journal, reader, config, { attached })
      // The uplink subscribes before it says that it is online.
      await expect.poll(() => city.retained.has(`${base}/status`)).toBe(true)
      await city.publish(`${base}/cmd/req`, 'one')
      await expect.poll(() => heard).toEqual(['one'])
      await first.stop()
      await city.publish(`${base}/cmd/req`, 'two')
      startUplink(journal, reader, config, { attached })
      await expect.poll(() => heard).toEqual(['one', 'two'])
    })
  }
  it('is disposed with its connection, and lent anew with the next', async () => {
    const broker = await scriptedBroker({})
    const { journal, reader } = await realJournal()
    const life: string[] = []
    startUplink(journal, reader, { url: broker.url }, { attached: () => { life.push('lent'); return { [Symbol.dispose]: () => { life.push('gone') } } } })
    await expect.poll(() => life).toEqual(['lent'])
    broker.connections[0]!.close()
    await expect.poll(() => life, { timeout: 5_000 }).toEqual(['lent', 'gone', 'lent'])
  })
  it('says which subscription the broker refuses', async () => {
    const lines: string[] = []
    const broker = await scriptedBroker({ granted: 0x87 })
    const { journal, reader } = await realJournal()
    const log = createLog({ level: 'error', pretty: false })
    log.error = ((fields: { code: string; topic: string }) => { lines.push(`${fields.code} ${fields.topic}`) }) as typeof log.error
    startUplink(journal, reader, { url: broker.url, confirm: true }, { log })
    await expect.poll(() => lines).toEqual([`UPLINK_SUBSCRIBE_REFUSED ${base}/ack`])
  })
  it('gives a hostile flood no more than the broker may send, and stays in step', async () => {
    let flooder: BrokerConnection | undefined
    const broker = await scriptedBroker({ subscribe: (_, connection) => { flooder = connection } })
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url, confirm: true })
    await expect.poll(() => flooder).toBeDefined()
    for (let n = 1; n <= 500; n++) flooder!.send({ cmd: 'publish', topic: `${base}/${n % 2 ? 'ack' : 'other'}`, payload: n % 3 ? '{"stream":' : Buffer.alloc(2_000, 0xff), qos: 0, retain: false, dup: false })
    await expect.poll(() => uplink.status().confirmations?.ignored).toBe(250)
    expect(uplink.status()).toMatchObject({ state: 'online', reconnects: 0 })
  })
})
