import type { Driver } from '../../gateway/contract/index.ts'
import type { MqttAddress, MqttConnection, MqttDevice } from './settings.ts'

/** MQTT from devices: as the building's broker, or as a client of one that is there. The other mode's code is not loaded. */
export const mqttDriver: Driver<MqttConnection, MqttDevice, MqttAddress> = {
  name: 'mqtt',
  async connect(config, kit, signal) {
    if (config.settings.mode === 'broker') return (await import('./broker.ts')).openBroker(config, kit)
    return (await import('./client.ts')).openClient(config, kit, signal)
  },
}
