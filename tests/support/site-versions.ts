import path from 'node:path'
import { planChange, versionOf } from '../../firmware-config/apply/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import type { ChangePlan } from '../../gateway/contract/index.ts'

/** A site file with a bus, a broker, a rule, a person and an uplink; no network is touched. */
export const changingSite = [
  'linli: 2', 'site: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }', 'store: { path: ./data }',
  'connections:', '  - { id: line, driver: modbus, host: 127.0.0.1, port: 5020 }', '  - { id: broker, driver: mqtt, listen: { port: 18830 } }',
  'devices:', '  - { id: hall-env, name: { zh: 大厅, en: hall }, connection: line, profile: xy-md02, unitId: 1 }',
  '  - { id: kiosk, name: { zh: 终端, en: kiosk }, connection: broker, profile: self-service-terminal, password: { env: KIOSK_PASSWORD } }',
  'rules:', '  - { id: frost, kind: threshold, point: hall-env.temperature, below: 0, severity: 2, title: { zh: 结冰, en: frost } }',
  'people: [{ id: wang, name: { zh: 王, en: Wang } }]', 'uplinks: [{ id: city, url: "mqtt://127.0.0.1:1" }]', '',
].join('\n')

const file = path.resolve('firmware-config/demo/changing.yaml')

export async function planBetween(before: string, after: string): Promise<ChangePlan> {
  const [old, now] = [await readSite(file, { text: before }), await readSite(file, { text: after })]
  return planChange(versionOf(old, before), versionOf(now, after))
}
