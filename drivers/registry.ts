import type { Driver, DriverEntry } from '../gateway/contract/index.ts'
import { describe, DriverError } from '../gateway/kit/index.ts'

/** A driver and its libraries are loaded when a site uses it. What it takes from the site file stands in schemas.ts. */
export const driverRegistry: Readonly<Record<string, DriverEntry>> = {
  modbus: entry('modbus', async () => (await import('./modbus/driver.ts')).modbusDriver),
  mqtt: entry('mqtt', async () => (await import('./mqtt/driver.ts')).mqttDriver),
  opcua: entry('opcua', async () => (await import('./opcua/driver.ts')).opcuaDriver),
  gpio: entry('gpio', async () => (await import('./gpio/driver.ts')).gpioDriver),
}

function entry(name: string, load: () => Promise<Driver>): DriverEntry {
  return {
    name,
    load: () => load().catch((cause: unknown) => { throw new DriverError('DRIVER_UNAVAILABLE', `driver ${name} cannot be loaded (${describe(cause)}); run npm ci again`, { cause }) }),
  }
}
