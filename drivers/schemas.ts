import type { DriverSchemas } from '../gateway/contract/index.ts'
import { gpioSchemas } from './gpio/schema.ts'
import { modbusSchemas } from './modbus/schema.ts'
import { mqttSchemas } from './mqtt/schema.ts'
import { opcuaSchemas } from './opcua/schema.ts'

/** What each driver of the registry takes from the site file. A gateway loads it only where the file has to be read. */
export const driverSchemas: Readonly<Record<string, DriverSchemas>> = { modbus: modbusSchemas, mqtt: mqttSchemas, opcua: opcuaSchemas, gpio: gpioSchemas }
