import type { Driver, DriverEntry } from '../gateway/contract/index.ts'
import { describe, DriverError } from '../gateway/kit/index.ts'
import { gpioSchemas } from './gpio/schema.ts'
import { modbusSchemas } from './modbus/schema.ts'
import { mqttSchemas } from './mqtt/schema.ts'
import { opcuaSchemas } from './opcua/schema.ts'

/** Schemas are always here; a driver and its libraries are loaded when a site uses it. */
export const driverRegistry: Readonly<Record<string, DriverEntry>> = {
  modbus: entry('modbus', modbusSchemas, async () => (await import('./modbus/driver.ts')).modbusDriver),
  mqtt: entry('mqtt', mqttSchemas, async () => (await import('./mqtt/driver.ts')).mqttDriver),
  opcua: entry('opcua', opcuaSchemas, async () => (await import('./opcua/driver.ts')).opcuaDriver),
  gpio: entry('gpio', gpioSchemas, async () => (await import('./gpio/driver.ts')).gpioDriver),
}

function entry(name: string, schemas: DriverEntry['schemas'], load: () => Promise<Driver>): DriverEntry {
  return {
    name, schemas,
    load: () => load().catch((cause: unknown) => { throw new DriverError('DRIVER_UNAVAILABLE', `driver ${name} cannot be loaded (${describe(cause)}); run npm ci again`, { cause }) }),
  }
}
