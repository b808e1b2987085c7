import { expect, it, onTestFinished } from 'vitest'
import type { GatewayEvent } from '../../gateway/contract/index.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { startGateway, type Gateway } from '../../gateway/main.ts'
import { startModbusSimulator, type ModbusSimulator } from '../../drivers/modbus/simulator.ts'
import type { ModbusConfig } from '../../drivers/modbus/settings.ts'
import { connectDevice, secret } from '../drivers/mqtt/support.ts'
import { siteFile } from '../support/gateways.ts'
import { freePort, tempFolder } from '../support/resources.ts'

const site = async (modbus: number, mqtt: number, folder: string) => readSite(await siteFile(folder, [
  'connections:',
  `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${modbus}, timeout: 500ms }`,
  `  - { id: local, driver: mqtt, listen: { port: ${mqtt} } }`,
  'devices:',
  '  - { id: hall, name: { zh: 大厅, en: hall }, connection: line, unitId: 1, points: {',
  '      smoke: { name: { zh: 烟感, en: smoke }, type: boolean, table: discrete, register: 0, poll: 20ms } } }',
  '  - { id: alarm, name: { zh: 警号, en: alarm }, connection: line, unitId: 2, points: {',
  '      horn: { name: { zh: 警号, en: horn }, type: boolean, table: coil, register: 0, writable: true },',
  '      fan: { name: { zh: 风机, en: fan }, type: boolean, table: coil, register: 1, writable: true } } }',
  `  - { id: display, name: { zh: 显示屏, en: display }, connection: local, password: { env: ${secret} }, subscribes: ["linli/rules/#"], points: {} }`,
  'rules:',
  '  - id: smoke',
  '    kind: condition',
  '    inputs: { smoke: hall.smoke }',
  '    when: smoke',
  '    severity: 1',
  '    title: { zh: 烟雾, en: smoke }',
  '    then:',
  '      - write: { point: alarm.horn, value: true }',
  '      - publish: { topic: hall/smoke, payload: { smoke: true } }',
  '      - scene: air',
  '    otherwise:',
  '      - write: { point: alarm.horn, value: false }',
  'scenes:',
  '  - id: air',
  '    name: { zh: 排烟, en: clear the air }',
  '    steps:',
  '      - wait: 100ms',
  '      - write: { point: alarm.fan, value: true }',
]))

async function start(config: Awaited<ReturnType<typeof site>>): Promise<{ readonly gateway: Gateway; readonly events: GatewayEvent[]; stop(): Promise<void> }> {
  const gateway = await startGateway({ site: config, log: silentLog() })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= Promise.resolve(gateway[Symbol.asyncDispose]()))
  onTestFinished(stop)
  const events: GatewayEvent[] = []
  gateway.feed.subscribe((item) => { if (item.kind === 'event') events.push(item.event) })
  await expect.poll(() => gateway.status().connections.every(({ state }) => state === 'online') && gateway.live.read('hall.smoke')?.quality === 'good' && gateway.live.read('alarm.fan')?.quality === 'good', { interval: 5, timeout: 10_000 }).toBe(true)
  return { gateway, events, stop }
}
const written = (events: readonly GatewayEvent[]) => events.filter(({ type }) => type === 'command').map(({ data }) => [data.actor, data.point, data.value, data.state])

it('a rule of the site file sounds the horn, tells the building and starts a scene; a restart repeats none of it', { timeout: 30_000 }, async () => {
  const folder = await tempFolder()
  const [modbus, mqtt] = [await freePort(), await freePort()]
  const config = await site(modbus, mqtt, folder)
  const device: ModbusSimulator = await startModbusSimulator(config.connections.find(({ id }) => id === 'line') as ModbusConfig, { clock: systemClock, random: () => 0.5 }, { port: modbus })
  onTestFinished(() => device[Symbol.asyncDispose]())

  const first = await start(config)
  const heard: string[] = []
  const display = await connectDevice(mqtt, 'display')
  display.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`))
  await display.subscribeAsync('linli/rules/#')
  device.set('hall.smoke', true)
  await expect.poll(() => device.get('alarm.horn'), { interval: 2 }).toBe(true)
  await expect.poll(() => device.get('alarm.fan'), { interval: 5 }).toBe(true)
  await expect.poll(() => written(first.events)).toEqual([['rule:smoke', 'alarm.horn', true, 'done'], ['rule:air', 'alarm.fan', true, 'done']])
  await expect.poll(() => heard).toEqual(['linli/rules/hall/smoke {"smoke":true}'])
  expect(first.gateway.status()).toMatchObject({ rules: { quarantined: [] }, actions: { written: 2, published: 1, failed: 0 }, alerts: [{ ruleId: 'smoke', severity: 1 }] })
  await first.stop()

  const second = await start(config)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(written(second.events)).toEqual([])
  device.set('hall.smoke', false)
  await expect.poll(() => device.get('alarm.horn'), { interval: 2 }).toBe(false)
  await expect.poll(() => written(second.events)).toEqual([['rule:smoke', 'alarm.horn', false, 'done']])
  expect(second.gateway.status().alerts).toMatchObject([{ ruleId: 'smoke', condition: 'returned' }])
})
