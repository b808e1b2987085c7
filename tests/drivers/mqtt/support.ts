import { mqttSchemas, type MqttConfig, type MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import { point } from '../../support/points.ts'

export const secret = 'LINLI_TEST_DEVICE_PASSWORD'
process.env[secret] = 'right horse'

export function mqttDevice(id: string, { points = {}, ...settings }: { points?: Record<string, object>; [key: string]: unknown }): MqttDeviceConfig {
  return {
    id, name: { zh: id, en: id }, connectionId: 'local', settings: mqttSchemas.device.parse({ password: { env: secret }, ...settings }) as MqttDeviceConfig['settings'],
    points: Object.entries(points).map(([name, address]) => point({ id: `${id}.${name}`, address: mqttSchemas.point.parse(address) as MqttDeviceConfig['points'][number]['address'] }) as MqttDeviceConfig['points'][number]),
  }
}

export function mqttConfig(port: number, devices: readonly MqttDeviceConfig[], settings: object = {}): MqttConfig {
  return { id: 'local', driver: 'mqtt', settings: mqttSchemas.connection.parse({ listen: { port }, ...settings }) as MqttConfig['settings'], devices }
}
