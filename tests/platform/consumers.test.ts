import { describe, expect } from 'vitest'
import { fixtures, type Fixture } from '../../cloud-sync/contract-docs/fixtures.ts'
import { devicePassword, kioskDevice, runGateway, siteFile, type RunningGateway } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { breakableLine, connected, consumer, itWithConsumer, languages, type Consumer } from './consumers.ts'
import { schemaChecks } from './schemas.ts'

/** Two busy cores, and a disk that syncs each message. */
const patience = { timeout: 15_000 }
const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1)

/** The kiosk's own numbers in the consumer's store, each once. */
const kioskNumbers = async (city: Consumer): Promise<number[]> => (await city.stored()).filter(({ event }) => event.type === 'org.linli.kiosk.v1').map(({ event }) => event.data.n as number)

for (const language of languages) {
  const withConsumer = itWithConsumer(language)

  describe(`the ${language} consumer of docs/platform`, () => {
    withConsumer('has every record once after the line was cut, the answers lost, and both sides killed', { timeout: 60_000 }, async () => {
      const broker = await mosquitto()
      const line = await breakableLine(broker.port)
      const kioskPort = await freePort()
      const file = await siteFile(await tempFolder(), [
        `connections: [{ id: broker, driver: mqtt, listen: { port: ${kioskPort} } }]`, 'devices:', kioskDevice('kiosk'),
        'rules: [{ id: paper, kind: threshold, point: kiosk.paper, below: 10, severity: 4, title: { zh: 缺纸, en: low on paper } }]',
        `uplinks: [{ id: city, url: "${line.url}", ackTimeout: 60s, encoding: zstd }]`,
      ])
      const city = await consumer(language, broker)
      await city.start()
      let gateway: RunningGateway = await runGateway(file)
      const acknowledged: number[] = []
      /** QoS 1, one after the other; true numbers are those with a PUBACK. */
      const kiosk = async (from: number, to: number): Promise<void> => {
        const device = await connected(`mqtt://127.0.0.1:${kioskPort}`, { clientId: 'kiosk', username: 'kiosk', password: devicePassword })
        for (let n = from; n <= to; n++) {
          await device.publishAsync('devices/kiosk/session', JSON.stringify({ id: `s-${n}`, n, item: 'senior-card', result: 'done' }), { qos: 1 })
          await device.publishAsync('devices/kiosk/state', JSON.stringify({ seq: n, paper: 100 - n, printer: 'ok', online: true }), { qos: 1 })
          acknowledged.push(n)
        }
        await device.endAsync()
      }
      const cityHas = (n: number) => expect.poll(async () => (await kioskNumbers(city)).length, patience).toBe(n)

      await kiosk(1, 20)
      await cityHas(20)
      // The city gets these, fewer than mosquitto takes unanswered (20); the gateway never hears so, and sends them again under the same ids.
      line.mute()
      await kiosk(21, 25)
      await cityHas(25)
      line.cut()
      await kiosk(26, 50)
      await cityHas(50)
      // Counted until here: a consumer that is killed forgets how often it was told the same.
      const repeats = (await city.finish()).duplicates
      await city.start()
      await kiosk(51, 52)
      await cityHas(52)
      // The broker keeps for the consumer what it cannot take; the gateway begins a new epoch.
      await city.kill()
      await kiosk(53, 60)
      gateway.process.kill('SIGKILL')
      await gateway.exited
      gateway = await runGateway(file)
      await kiosk(61, 95)
      await city.start()
      await cityHas(95)
      await expect.poll(async () => (await gateway.status()).uplinks[0]?.backlog, patience).toMatchObject({ event: { records: 0 }, telemetry: { records: 0 }, alert: { records: 0 }, ledger: { records: 0 } })
      await expect.poll(async () => (await city.stored()).some(({ event }) => event.type === 'org.linli.telemetry.v1' && JSON.stringify(event.data).includes('"kiosk.seq","value":95')), patience).toBe(true)

      const report = await city.finish()
      expect(report).toMatchObject({ exitCode: 0, holes: [], breaks: [], invalid: 0, gaps: 0 })
      expect(repeats).toBeGreaterThanOrEqual(5)
      expect((await kioskNumbers(city)).toSorted((a, b) => a - b)).toEqual(acknowledged)
      expect(acknowledged).toEqual(upTo(95))
      const stored = await city.stored()
      const records = stored.filter(({ topic }) => topic.includes('/up/'))
      expect(new Set(records.map(({ event }) => event.id)).size).toBe(report.records)
      expect(report.types).toMatchObject({ 'org.linli.kiosk.v1': 95, 'org.linli.epoch.v1': 1, 'org.linli.alert.v1': 1 })
      const values = records.flatMap(({ event }) => event.data.readings ?? []).filter(({ point, value }) => point === 'kiosk.seq' && value !== null).map(({ value }) => value as number)
      expect([...new Set(values)]).toEqual(upTo(95))
      expect(report.state['linli/v1/420106/hall-1']).toMatchObject({ values: { 'kiosk.paper': 5 }, alerts: { [records.find(({ event }) => event.type === 'org.linli.alert.v1')!.event.subject]: { en: 'low on paper' } } })

      // What the real gateway sent holds to what is published about it, closed against fields that nobody described.
      const checks = schemaChecks()
      for (const { topic, event } of stored) expect(checks.errors(event.type?.split('.')[2] ?? topic.split('/').at(-1)!, event), `${topic} ${JSON.stringify(event)}`).toEqual([])
    })

    withConsumer('knows a repeat, a declared gap, zstd, and that a record below the snapshot changes nothing', async () => {
      const broker = await mosquitto()
      const city = await consumer(language, broker)
      await city.start()
      const gateway = await connected(broker.url)
      const send = async (some: readonly Fixture[]): Promise<void> => { for (const { topic, bytes } of some) await gateway.publishAsync(topic, Buffer.from(bytes), { qos: 1 }) }
      const base = 'linli/v1/420106/wuchang-center'
      const all = fixtures()
      const records = all.filter(({ topic }) => topic.includes('/up/'))
      const telemetry = records.filter(({ schema }) => schema === 'telemetry')
      await send(all.filter(({ schema }) => schema === 'snapshot'))
      await send(records.filter((one) => !telemetry.includes(one)).toReversed())
      await send(telemetry)
      await send(records)
      await gateway.publishAsync(records[0]!.topic, '{"specversion":"1.0"}', { qos: 1 })
      await gateway.publishAsync(records[0]!.topic, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1]), { qos: 1 })
      await expect.poll(async () => (await city.stored()).length, patience).toBe(records.length + 1)
      await city.kill()
      // What the store says is what it knew: the repeats are known again.
      await city.start()
      await send(records)
      await expect.poll(async () => (await city.stored()).length, patience).toBe(records.length + 1)
      await gateway.publishAsync(`${base}/up/ledger`, JSON.stringify({ ...JSON.parse(Buffer.from(records.find(({ schema }) => schema === 'checkpoint')!.bytes).toString()), id: 'wuchang-center/ledger/00000042-a1b2c3d4/5', seq: 5, prevhash: 'ab'.repeat(32) }), { qos: 1 })
      await expect.poll(async () => (await city.stored()).length, patience).toBe(records.length + 2)
      const report = await city.finish()
      expect(report).toMatchObject({ exitCode: 1, records: records.length + 1, breaks: [], gaps: 2 })
      // And what the broker had no PUBACK for when the consumer was killed.
      expect(report.duplicates).toBeGreaterThanOrEqual(records.length)
      expect(report.holes).toEqual(['/linli/420106/wuchang-center ledger 00000042-a1b2c3d4 4-4'])
      expect(report.state[base]!.values).toEqual({ 'hall-env.temperature': 31.5 })
      expect(Object.keys(report.state[base]!.alerts)).toEqual(['5f0c1d2e3a4b5c6d'])
    })

    withConsumer('finds a hole that nobody declared, and content that was changed on its way', async () => {
      const broker = await mosquitto()
      const city = await consumer(language, broker)
      await city.start()
      const gateway = await connected(broker.url)
      const records = fixtures().filter(({ topic }) => topic.includes('/up/'))
      // At this broker it is another uplink, one that does not take alerts.
      await gateway.publishAsync('linli/v1/420106/wuchang-center/status', JSON.stringify({ uplink: 'property', streams: ['event', 'ledger', 'telemetry'], state: 'online' }), { qos: 1 })
      for (const { topic, bytes, schema } of records) {
        if (schema === 'access') continue
        const text = Buffer.from(bytes).toString()
        const altered = schema === 'request' ? Buffer.from(text.replace('lift stuck', 'lift fine')) : schema === 'gap' ? Buffer.from(text.replace('"reason":"quota"', '"reason":"quota","uplinks":["city"]')) : Buffer.from(bytes)
        await gateway.publishAsync(topic, altered, { qos: 1 })
      }
      const last = JSON.parse(Buffer.from(records[0]!.bytes).toString()) as object
      const end = (seq: number) => ({ seq, hash: '' })
      const closing = { ...last, id: 'wuchang-center/ledger/00000043-a1b2c3d4/1', epoch: '00000043-a1b2c3d4', seq: 1, data: { closes: '00000042-a1b2c3d4', streams: { alert: end(9), event: end(9), ledger: end(3), telemetry: end(4) } } }
      await gateway.publishAsync(records[0]!.topic, JSON.stringify(closing), { qos: 1 })
      await expect.poll(async () => (await city.stored()).length, patience).toBe(records.length + 1)
      const report = await city.finish()
      expect(report.holes.map((hole) => hole.split(' ').slice(1).join(' ')).toSorted()).toEqual(['event 00000042-a1b2c3d4 3-3', 'event 00000042-a1b2c3d4 9-9', 'telemetry 00000042-a1b2c3d4 2-3'])
      expect(report.breaks).toHaveLength(2)
      expect(report.exitCode).toBe(1)
    })

    withConsumer('confirms with --ack what is on its disk, up to the first hole, and again on a repeat', async () => {
      const broker = await mosquitto()
      const city = await consumer(language, broker)
      await city.start(['--ack'])
      const gateway = await connected(broker.url)
      const acks: string[] = []
      const checks = schemaChecks()
      gateway.on('message', (topic, payload) => {
        const ack = JSON.parse(payload.toString()) as { stream: string; epoch: string; seq: number }
        expect(topic).toBe('linli/v1/420106/wuchang-center/ack')
        expect(checks.errors('ack', ack)).toEqual([])
        acks.push(`${ack.stream} ${ack.seq}`)
      })
      await gateway.subscribeAsync('linli/v1/+/+/ack', { qos: 1 })
      const records = fixtures().filter(({ topic }) => topic.includes('/up/'))
      const put = async (schema: string, index = 0): Promise<void> => { const { topic, bytes } = records.filter((one) => one.schema === schema)[index]!; await gateway.publishAsync(topic, Buffer.from(bytes), { qos: 1 }) }
      for (const schema of ['gateway', 'access', 'device', 'access', 'telemetry']) await put(schema)
      await put('telemetry', 1)
      await put('epoch')
      await put('gap')
      await expect.poll(() => acks, patience).toEqual(['event 1', 'event 1', 'event 3', 'event 3', 'telemetry 1', 'telemetry 1', 'ledger 1', 'ledger 2', 'telemetry 4'])
    })
  })
}
