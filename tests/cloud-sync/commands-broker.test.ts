import mqtt, { type MqttClient } from 'mqtt'
import { describe, expect, onTestFinished } from 'vitest'
import { createCommandPort } from '../../cloud-sync/commands/port.ts'
import { uplinkSchema } from '../../cloud-sync/schema.ts'
import { topicsOf } from '../../cloud-sync/topics.ts'
import { createUplink } from '../../cloud-sync/uplink.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { actor, deskBench, request } from '../support/command-desks.ts'
import { mosquitto, type Mosquitto } from '../support/mosquitto.ts'
import { base, gateway, region } from '../support/uplinks.ts'
import { itWith } from '../support/tools.ts'

interface Heard { readonly topic: string; readonly retain: boolean; readonly body: any; readonly correlation?: string }

async function bench(protocol: '5' | '3.1.1' = '5', broker?: Mosquitto) {
  const running = broker ?? await mosquitto()
  const desk = await deskBench()
  const config = uplinkSchema.parse({ id: 'city', url: running.url, protocol, commands: { actors: [actor] } })
  const reader = await desk.journal.reader('city', { from: 'start' })
  const start = (): (() => Promise<void>) => {
    const stop = new AbortController()
    const ended = createUplink(options).run(stop.signal)
    return async () => { stop.abort(); await ended }
  }
  const options: Parameters<typeof createUplink>[0] = {
    config, gateway, region, reader, clock: systemClock, random: () => 0.5, log: silentLog(), version: '0', epoch: desk.journal.epoch, maxMessageBytes: 65_536,
    onCommit: (listener) => desk.journal.onCommit(listener), timeQuality: () => 'synced', model: () => ({ gateway, region, name: { zh: '厅', en: 'hall' }, devices: [] }),
    snapshot: () => ({ at: 0, timeQuality: 'synced', heads: desk.journal.heads(), values: [], alerts: [] }),
    ...createCommandPort({ desk: desk.desk, gateway, topics: topicsOf('linli/v1', region, gateway), uplink: 'city', config: config.commands! }),
  }
  const stop = start()
  onTestFinished(stop)
  const heard: Heard[] = []
  const city: MqttClient = await mqtt.connectAsync(running.url, { protocolVersion: 5 })
  onTestFinished(() => { city.end(true) })
  city.on('message', (topic, payload, { retain, properties }) => { heard.push({ topic, retain, body: JSON.parse(payload.toString()), ...(properties?.correlationData ? { correlation: properties.correlationData.toString() } : {}) }) })
  await city.subscribeAsync([`${base}/cmd/res/#`, `${base}/up/event`, `${base}/status`], { qos: 1 })
  await expect.poll(() => heard.some(({ topic, body }) => topic === `${base}/status` && body.state === 'online'), { timeout: 5_000 }).toBe(true)
  heard.length = 0
  const states = (topic = `${base}/cmd/res`): readonly string[] => heard.filter((one) => one.topic === topic).map(({ body }) => body.state as string)
  return { ...desk, city, heard, states, start, stop }
}

describe('commands through a broker', () => {
  const it = itWith('mosquitto')
  for (const protocol of ['5', '3.1.1'] as const) {
    it(`are answered on cmd/res and recorded as events, over MQTT ${protocol}; nothing is retained`, async () => {
      const { city, clock, heard, states, door } = await bench(protocol)
      await city.publishAsync(`${base}/cmd/req`, JSON.stringify(request(clock, { id: 'c-1' })), { qos: 1 })
      await expect.poll(() => states(), { timeout: 5_000 }).toEqual(['accepted', 'running', 'done'])
      await expect.poll(() => heard.filter(({ topic }) => topic === `${base}/up/event`).map(({ body }) => [body.type, body.data.id, body.data.state]), { timeout: 5_000 }).toEqual(['accepted', 'running', 'done'].map((state) => ['org.linli.command.v1', 'c-1', state]))
      expect(heard.some(({ topic, retain }) => retain && topic.includes('/cmd/'))).toBe(false)
      expect(heard.find(({ topic }) => topic === `${base}/cmd/res`)!.body).toMatchObject({ gateway, id: 'c-1', actor, point: 'door.lamp' })
      expect(door.writes).toHaveLength(1)
    })
  }
  it('answer where they were asked to, with the correlation data, but nowhere outside cmd/res', async () => {
    const { city, clock, heard, states } = await bench()
    const ask = (responseTopic: string): Promise<unknown> => city.publishAsync(`${base}/cmd/req`, JSON.stringify(request(clock)), { qos: 1, properties: { responseTopic, correlationData: Buffer.from('42') } })
    await ask(`${base}/cmd/res/desk-7`)
    await expect.poll(() => states(`${base}/cmd/res/desk-7`), { timeout: 5_000 }).toEqual(['accepted', 'running', 'done'])
    expect(heard.find(({ topic }) => topic.endsWith('desk-7'))!.correlation).toBe('42')
    for (const elsewhere of [`${base}/status`, `${base}/up/alert`, 'other/topic']) await ask(elsewhere)
    await expect.poll(() => states().length, { timeout: 5_000 }).toBe(9)
    expect(heard.filter(({ topic, body }) => topic === `${base}/status` && body.point)).toEqual([])
  })
  it('that are retained are refused, whenever they come', async () => {
    const broker = await mosquitto()
    const early = await mqtt.connectAsync(broker.url)
    await early.publishAsync(`${base}/cmd/req`, '{"id":"old"}', { retain: true, qos: 1 })
    await early.endAsync()
    const { events, door } = await bench('5', broker)
    await expect.poll(() => events.map(({ data }) => data.code), { timeout: 5_000 }).toEqual(['COMMAND_RETAINED'])
    expect(door.writes).toEqual([])
  })
  it('come through when the gateway was away for a moment, and not when their message expiry ended meanwhile', async () => {
    const { city, clock, heard, states, start, stop, door } = await bench()
    await stop()
    const ask = (id: string, messageExpiryInterval: number): Promise<unknown> => city.publishAsync(`${base}/cmd/req`, JSON.stringify(request(clock, { id })), { qos: 1, properties: { messageExpiryInterval } })
    await ask('short', 1)
    await ask('long', 600)
    // The broker's clock alone ends a message: two whole seconds of it.
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    onTestFinished(start())
    await expect.poll(() => states(), { timeout: 5_000 }).toEqual(['accepted', 'running', 'done'])
    expect(heard.filter(({ topic }) => topic === `${base}/cmd/res`).map(({ body }) => body.id)).toEqual(['long', 'long', 'long'])
    expect(door.writes).toHaveLength(1)
  })
})
