import type { ConnectionConfig, Simulator, SimulatorParts } from '../../contract/index.ts'
import type { Identities } from './identities.ts'

type Start = (connection: ConnectionConfig<any, any, any>, parts: SimulatorParts) => Promise<Simulator>

/** Each protocol's simulator, loaded when a site uses it. GPIO's wants root and the kernel's gpio-sim, and says so. `identities`: what a scan knows the devices by. */
export const simulators: Readonly<Record<string, (identities: Identities) => Promise<Start>>> = {
  modbus: async (identities) => { const { startModbusSimulator } = await import('../../../drivers/modbus/simulator.ts'); return (connection, parts) => startModbusSimulator(connection, parts, { strict: true, identities }) },
  opcua: async () => (await import('../../../drivers/opcua/simulator.ts')).startOpcuaSimulator,
  gpio: async () => (await import('../../../drivers/gpio/simulator.ts')).startGpioSimulator,
  mqtt: async () => (await import('../../../drivers/mqtt/simulator.ts')).startMqttSimulator,
}
