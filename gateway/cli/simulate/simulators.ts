import type { ConnectionConfig, Simulator, SimulatorParts } from '../../contract/index.ts'

type Start = (connection: ConnectionConfig<any, any, any>, parts: SimulatorParts) => Promise<Simulator>

/** Each protocol's simulator, loaded when a site uses it. GPIO's wants root and the kernel's gpio-sim, and says so. */
export const simulators: Readonly<Record<string, () => Promise<Start>>> = {
  modbus: async () => (await import('../../../drivers/modbus/simulator.ts')).startModbusSimulator,
  opcua: async () => (await import('../../../drivers/opcua/simulator.ts')).startOpcuaSimulator,
  gpio: async () => (await import('../../../drivers/gpio/simulator.ts')).startGpioSimulator,
  mqtt: async () => (await import('../../../drivers/mqtt/simulator.ts')).startMqttSimulator,
}
