import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { expect, onTestFinished } from 'vitest'
import { startCity, type City } from '../../cloud-sync/simulator.ts'
import type { DecodedRecord } from '../../cloud-sync/decode.ts'
import type { ModbusConfig } from '../../drivers/modbus/settings.ts'
import { startModbusSimulator, type ModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import type { ChangeView } from '../../gateway/contract/index.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { devicePassword, kioskDevice, runGateway, siteFile, type RunningGateway } from './gateways.ts'
import { freePort, tempFolder } from './resources.ts'

export type Control = ReturnType<typeof controlClient>

/** A real gateway process between a bus, a kiosk on its broker, and a city: what a change of its site file may break. */
export interface ChangingHouse {
  readonly file: string
  /** As it was written first. */
  readonly text: string
  readonly city: City
  readonly records: readonly DecodedRecord[]
  readonly bus: ModbusSimulator
  readonly control: Control
  gateway: RunningGateway
  kiosk(): MqttClient
  /** Applies a text; nothing is waited for but the answer. */
  apply(text: string, order?: { readonly confirm?: 'person' | 'health'; readonly windowMs?: number; readonly acceptLoss?: boolean }): Promise<ChangeView>
  /** Nothing is on trial any more. */
  settled(timeoutMs?: number): Promise<ChangeView>
  /** Kiosk and bus are online, the uplink too, and values flow. */
  well(timeoutMs?: number): Promise<void>
  restart(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

/** `devices`: lines of the site file. The gateway's process works in the site's folder. */
export async function changingHouse({ console = false, devices = [] }: { readonly console?: boolean; readonly devices?: readonly string[] } = {}): Promise<ChangingHouse> {
  const folder = await tempFolder()
  const [busPort, brokerPort] = [await freePort(), await freePort()]
  const city = await startCity()
  onTestFinished(() => city.stop())
  const records: DecodedRecord[] = []
  city.onEvent((record) => { records.push(record) })
  const file = await siteFile(folder, [
    '# whoever changes this file: the bus is behind the stairs', ...(console ? [`console: { enabled: true, listen: { port: ${await freePort()} } }`] : []), 'connections:', `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${busPort}, timeout: 300ms }`, `  - { id: broker, driver: mqtt, messagesPerSecond: 1000000, listen: { port: ${brokerPort} } }`,
    'devices:', '  - { id: hall-env, name: { zh: 大厅, en: hall }, connection: line, profile: xy-md02, unitId: 1, points: { temperature: { poll: 50ms, deadband: 0 } } }', kioskDevice('kiosk'), ...devices,
    'rules:', '  - { id: frost, kind: threshold, point: hall-env.temperature, below: -40, severity: 2, title: { zh: 结冰, en: frost } }', `uplinks: [{ id: city, url: "${city.url}", protocol: "3.1.1" }]`,
  ])
  const bus = await startModbusSimulator((await readSite(file)).connections[0] as ModbusConfig, { clock: systemClock, random: Math.random } as Parameters<typeof startModbusSimulator>[1])
  onTestFinished(async () => { await bus[Symbol.asyncDispose]() })
  const control = controlClient(path.join(folder, 'data/linli.sock'))
  const online = async (): Promise<string[]> => {
    const { devices, uplinks } = await control.status()
    const values = await control.readings()
    return [...devices.filter(({ state }) => state === 'online').map(({ id }) => id), ...uplinks.filter(({ state }) => state === 'online').map(({ id }) => id), ...values.flatMap(({ pointId, quality }) => (pointId === 'hall-env.temperature' && quality === 'good' ? ['value'] : []))]
  }
  const house: ChangingHouse = {
    file, text: await readFile(file, 'utf8'), city, records, bus, control, gateway: await runGateway(file, folder),
    kiosk() {
      const client = mqtt.connect(`mqtt://127.0.0.1:${brokerPort}`, { username: 'kiosk', password: devicePassword, clientId: 'kiosk', reconnectPeriod: 200, reconnectOnConnackError: true, protocolVersion: 4 })
      client.on('error', () => {})
      onTestFinished(() => { client.end(true) })
      return client
    },
    apply: (text, { confirm = 'health', windowMs = 1_000, acceptLoss = false } = {}) => control.orderChange<ChangeView>({ action: 'apply', text, by: 'li', reason: 'a test', confirm, windowMs, acceptLoss }),
    async settled(timeoutMs = 20_000) {
      await expect.poll(() => control.changes().then(({ trial }) => trial, () => 'turning'), { timeout: timeoutMs, interval: 50 }).toBe(null)
      return control.changes()
    },
    async well(timeoutMs = 20_000) { await expect.poll(() => online().catch(() => []), { timeout: timeoutMs, interval: 50 }).toEqual(['hall-env', 'kiosk', 'city', 'value']) },
    async restart(signal = 'SIGKILL') {
      house.gateway.process.kill(signal)
      await house.gateway.exited
      house.gateway = await runGateway(file, folder)
    },
  }
  return house
}

/** By hand, as with an editor. */
export const edit = (file: string, text: string): Promise<void> => writeFile(file, text)
