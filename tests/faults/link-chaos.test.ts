import mqtt, { type MqttClient } from 'mqtt'
import { expect, onTestFinished } from 'vitest'
import { countingCity, expectInvariant, upTo } from '../support/city.ts'
import { fastClock } from '../support/clocks.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { reading } from '../support/points.ts'
import { scale, seededRandom } from '../support/seed.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { itWith } from '../support/tools.ts'
import { backlogOf, base, realJournal, startUplink } from '../support/uplinks.ts'

/** The platform of this test dies and comes back; what it had confirmed it has on its disk, which is `city`. */
function platform(port: number, city: ReturnType<typeof countingCity>): MqttClient {
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, clientId: 'platform', clean: false, reconnectPeriod: 50, properties: { sessionExpiryInterval: 3_600 } })
  client.on('error', () => {})
  client.on('connect', () => { client.subscribe(`${base}/up/#`, { qos: 1 }, () => {}) })
  client.on('message', (topic, payload) => {
    city.accept(topic, payload)
    // Repeats are confirmed too. The end of what is there without a hole, of each stream and epoch, as its verifier sees it.
    const { stream, epoch } = idOf(payload)
    const seqs = new Set(city.records.filter((record) => record.stream === stream && record.epoch === epoch).map(({ seq }) => seq))
    let seq = 0
    while (seqs.has(seq + 1)) seq++
    if (seq > 0 && client.connected) client.publish(`${base}/ack`, JSON.stringify({ stream, epoch, seq }), { qos: 0 })
  })
  return client
}
function idOf(payload: Buffer): { readonly stream: string; readonly epoch: string } {
  const [, stream, epoch] = (JSON.parse(payload.toString()) as { id: string }).id.split('/')
  return { stream: stream!, epoch: epoch! }
}

itWith('mosquitto')('whatever befalls the road, in whatever order, the platform has every record in the end, and the gateway knows it', { timeout: 60_000 * scale }, async () => {
  const random = seededRandom()
  const broker = await mosquitto(['persistence false'])
  const proxy = await tcpProxy(broker.port)
  const city = countingCity()
  let client = platform(broker.port, city)
  onTestFinished(() => { client.end(true) })
  const { journal, reader } = await realJournal()
  const { uplink } = startUplink(journal, reader, { url: proxy.url, confirm: true, keepalive: '1s' }, { clock: fastClock(40) })
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const mishaps = [
    async () => { proxy.cut() },
    async () => { proxy.freeze(); await pause(300 * random()); proxy.thaw(); proxy.cut() },
    async () => { await broker.kill(); await pause(200 * random()); await broker.start() },
    async () => { client.end(true); await pause(200 * random()); client = platform(broker.port, city) },
    async () => {},
  ]
  let n = 0
  for (let round = 0; round < 15 * scale; round++) {
    for (let each = 0; each < 10; each++) await journal.commit({ events: [event(++n)], readings: [reading('hall.t', n)] })
    await pause(150 * random())
    await mishaps[Math.floor(random() * mishaps.length)]!()
  }
  await expect.poll(() => backlogOf(reader), { timeout: 40_000, interval: 100 }).toBe(0)
  expect([...city.numbers].toSorted((a, b) => a - b)).toEqual(upTo(n))
  expect(uplink.status()).toMatchObject({ rejected: 0, confirmations: { waiting: 0 } })
  expectInvariant(city, n)
})
