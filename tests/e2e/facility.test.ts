import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect } from 'vitest'
import { findTool, itWith } from '../support/tools.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { devicePassword, kioskDevice, runGateway, siteFile } from '../support/gateways.ts'
import { startLibmodbus } from '../support/libmodbus.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { watch } from '../support/uplinks.ts'

const run = promisify(execFile)
const withTools = itWith('gcc', 'mosquitto', 'mosquitto_pub')

describe('a whole facility of strangers: libmodbus, mosquitto_pub, and mosquitto as the city', () => {
  withTools('brings a register, a kiosk\'s message and an alert to the city, verified', { timeout: 60_000 }, async () => {
    const folder = await tempFolder()
    const device = await startLibmodbus()
    const city = await mosquitto()
    const brokerPort = await freePort()
    const consumer = await watch(city.url)
    const file = await siteFile(folder, [
      'connections:', `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${device.port} }`, `  - { id: broker, driver: mqtt, listen: { port: ${brokerPort} } }`,
      'devices:', '  - { id: hall-env, name: { zh: 大厅, en: hall }, connection: line, profile: xy-md02, unitId: 1 }', kioskDevice('kiosk'),
      'rules:', '  - { id: frost, kind: threshold, point: hall-env.temperature, below: 0, severity: 2, title: { zh: 结冰, en: frost } }',
      `uplinks: [{ id: city, url: "${city.url}" }]`,
    ])
    const gateway = await runGateway(file)
    const publish = (...args: string[]) => run(findTool('mosquitto_pub')!, ['-h', '127.0.0.1', '-p', String(brokerPort), '-u', 'kiosk', '-P', devicePassword, '-q', '1', ...args])
    await publish('-t', 'devices/kiosk/session', '-m', '{"id":"s-1","n":1,"item":"senior-card","result":"done"}')
    await publish('-t', 'devices/kiosk/session', '-m', '{"id":"s-1","n":1,"item":"senior-card","result":"done"}')
    await publish('-t', 'devices/kiosk/state', '-m', '{"seq":1,"paper":55,"printer":"ok","online":true}')
    const readings = () => consumer.records.flatMap((record) => record.readings)
    await expect.poll(() => readings().find(({ point, value }) => point === 'kiosk.paper' && value === 55), { timeout: 10_000 }).toBeDefined()
    expect(readings().find(({ point, value }) => point === 'hall-env.temperature' && value !== null)).toMatchObject({ value: -21.5 })
    expect(readings().find(({ point, value }) => point === 'hall-env.humidity' && value !== null)).toMatchObject({ value: 48.2 })
    await expect.poll(() => consumer.records.filter(({ type }) => type === 'org.linli.kiosk.v1').map(({ data }) => [data.device, data.n, data.item])).toEqual([['kiosk', 1, 'senior-card']])
    await expect.poll(() => consumer.records.filter(({ type }) => type === 'org.linli.alert.v1').map(({ data }) => [data.state, data.rule, data.severity])).toEqual([['raised', 'frost', 2]])

    // The device dies: its points turn bad, the kiosk is not touched.
    await device.kill()
    await expect.poll(() => readings().findLast(({ point }) => point === 'hall-env.temperature'), { timeout: 10_000 }).toMatchObject({ value: null, quality: 'bad' })
    await publish('-t', 'devices/kiosk/state', '-m', '{"seq":2,"paper":54,"printer":"ok","online":true}')
    await expect.poll(() => readings().findLast(({ point }) => point === 'kiosk.paper')?.value).toBe(54)

    const status = await gateway.status()
    expect(status.counters).toMatchObject({ repeated: 1 })
    expect(status.uplinks[0]).toMatchObject({ state: 'online', protocol: 5, rejected: 0 })
    const stopping = performance.now()
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(performance.now() - stopping).toBeLessThan(2_000)
    await expect.poll(() => JSON.parse(consumer.retained.get('linli/v1/420106/hall-1/status')!).state).toBe('offline')
    expect(consumer.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0, duplicates: 0 })
    expect(gateway.log.join('')).not.toContain(devicePassword)
  })

  withTools('runs and buffers while the city\'s broker is down at start, and delivers when it comes', { timeout: 60_000 }, async () => {
    const folder = await tempFolder()
    const device = await startLibmodbus()
    const cityBroker = await mosquitto()
    await cityBroker.kill()
    const file = await siteFile(folder, [
      `connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: ${device.port} }]`,
      'devices: [{ id: hall-env, name: { zh: 大厅, en: hall }, connection: line, profile: xy-md02, unitId: 1 }]', `uplinks: [{ id: city, url: "${cityBroker.url}" }]`,
    ])
    const gateway = await runGateway(file)
    await expect.poll(async () => (await gateway.status()).uplinks[0]!.lastError).toBe('UPLINK_CONNECT_FAILED')
    await expect.poll(async () => (await gateway.status()).uplinks[0]!.backlog.telemetry!.records).toBeGreaterThan(0)
    await cityBroker.start()
    const consumer = await watch(cityBroker.url)
    await expect.poll(() => consumer.records.flatMap((record) => record.readings).find(({ point }) => point === 'hall-env.temperature'), { timeout: 15_000 }).toMatchObject({ value: -21.5 })
    expect(consumer.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
  })
})
