import type { DriverSchemas } from '../../gateway/contract/index.ts'
import { foresee, review } from './review.ts'
import { connection, device, point, type MqttConfig, type MqttConnection } from './settings.ts'

export type { MqttAddress, MqttConfig, MqttConnection, MqttDevice, MqttDeviceConfig } from './settings.ts'

export const mqttSchemas: DriverSchemas = {
  connection, device, point,
  pushes: true,
  listens: (settings) => {
    const { mode, plain, listen, tls } = settings as MqttConnection
    return mode === 'broker' ? [...(plain ? [listen] : []), ...(tls ? [tls] : [])].filter(({ port }) => port !== 0).map(({ host, port }) => ({ host, port })) : []
  },
  review: (config) => review(config as MqttConfig),
  foresee: (config) => foresee(config as MqttConfig),
}
