import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { expect, onTestFinished } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { mqttSchemas, type MqttConfig, type MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import { point } from '../../support/points.ts'
import { freePort } from '../../support/resources.ts'
import { runSession, type Running } from '../../support/sessions.ts'

export const secret = 'LINLI_TEST_DEVICE_PASSWORD'
process.env[secret] = 'right horse'

export function mqttDevice(id: string, { points = {}, ...settings }: { points?: Record<string, object>; [key: string]: unknown }): MqttDeviceConfig {
  return {
    id, name: { zh: id, en: id }, connectionId: 'local', settings: mqttSchemas.device.parse({ password: { env: secret }, ...settings }) as MqttDeviceConfig['settings'],
    points: Object.entries(points).map(([name, { type = 'number', writable = false, ...address }]: [string, { type?: 'number' | 'boolean' | 'string'; writable?: boolean }]) => point({ id: `${id}.${name}`, type, writable, address: mqttSchemas.point.parse(address) as MqttDeviceConfig['points'][number]['address'] }) as MqttDeviceConfig['points'][number]),
  }
}

export function mqttConfig(port: number, devices: readonly MqttDeviceConfig[], settings: object = {}): MqttConfig {
  return { id: 'local', driver: 'mqtt', settings: mqttSchemas.connection.parse({ listen: { port }, ...settings }) as MqttConfig['settings'], devices }
}

/** The local broker with these devices on an ephemeral port. */
export async function runBroker(devices: readonly MqttDeviceConfig[], settings: object = {}, settle: 'at once' | 'by the test' = 'at once'): Promise<{ running: Running; port: number; config: MqttConfig }> {
  const port = await freePort()
  const config = mqttConfig(port, devices, settings)
  return { running: await runSession(mqttDriver, config, undefined, settle), port, config }
}

/** mqtt.js as a device: an independent client of MQTT 3.1.1. Rejects when it is not let in. */
export async function connectDevice(port: number, username: string, options: IClientOptions = {}): Promise<MqttClient> {
  const opened = mqtt.connect(`${options.ca ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`, { username, password: 'right horse', reconnectPeriod: 0, ...options })
  onTestFinished(() => { opened.end(true) })
  await new Promise<void>((resolve, reject) => {
    opened.once('connect', () => resolve())
    opened.on('error', reject)
    opened.once('close', () => reject(new Error('closed without an answer')))
  })
  return opened
}

export const until = (condition: () => boolean | undefined | null, timeout = 5_000): Promise<void> => expect.poll(() => condition() === true, { timeout, interval: 10 }).toBe(true) as unknown as Promise<void>
