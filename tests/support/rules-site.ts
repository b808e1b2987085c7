import { siteFile } from './gateways.ts'

/** A hall on Modbus: temperature, smoke, a fan; a door with a contact and a reader on MQTT. `more`: further lines, such as rules. */
export const hallSite = (folder: string, more: readonly string[], { modbus = 5_020, mqtt = 5_021 } = {}): Promise<string> => siteFile(folder, [
  'connections:',
  `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${modbus}, timeout: 500ms }`,
  `  - { id: local, driver: mqtt, listen: { port: ${mqtt} } }`,
  'devices:',
  '  - { id: hall, name: { zh: 大厅, en: hall }, connection: line, unitId: 1, points: {',
  '      t: { name: { zh: 温度, en: temperature }, type: number, unit: Cel, table: holding, register: 0, format: s16, scale: 0.1, poll: 20ms },',
  '      smoke: { name: { zh: 烟感, en: smoke }, type: boolean, table: discrete, register: 0, poll: 20ms },',
  '      open: { name: { zh: 门磁, en: contact }, type: boolean, table: discrete, register: 1, poll: 20ms },',
  '      fan: { name: { zh: 风机, en: fan }, type: boolean, table: coil, register: 0, writable: true, poll: 200ms } } }',
  '  - { id: reader, name: { zh: 读卡器, en: reader }, connection: local, password: { env: LINLI_TEST_PASSWORD }, points: {}, occurrences: [{ topic: "devices/{device}/card", type: access, data: { result: /result } }] }',
  'doors:',
  '  - { id: east, name: { zh: 东门, en: east door }, contact: hall.open, reader: reader, heldOpenAfter: 2s, grantWindow: 1s, grace: 200ms }',
  ...more,
])
