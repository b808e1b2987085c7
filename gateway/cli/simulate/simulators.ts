import type { ConnectionConfig, Simulator, SimulatorParts } from '../../contract/index.ts'

type Start = (connection: ConnectionConfig<any, any, any>, parts: SimulatorParts) => Promise<Simulator>

/** Each protocol's simulator, loaded when a site uses it. GPIO is not here: a kernel without pins cannot be given any. */
export const simulators: Readonly<Record<string, () => Promise<Start>>> = {
  modbus: async () => (await import('../../../drivers/modbus/simulator.ts')).startModbusSimulator,
  opcua: async () => (await import('../../../drivers/opcua/simulator.ts')).startOpcuaSimulator,
  mqtt: async () => (await import('../../../drivers/mqtt/simulator.ts')).startMqttSimulator,
}
