import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { scanTcp } from '../../../drivers/modbus/scan/tcp-scan.ts'
import type { ModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { demoSite } from '../../../gateway/cli/demo/facility.ts'
import { identitiesOf } from '../../../gateway/cli/simulate/identities.ts'
import { simulators } from '../../../gateway/cli/simulate/simulators.ts'
import { World } from '../../../gateway/cli/simulate/world.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { scanLibrary } from '../../../gateway/main/discovery/library.ts'
import { toRaw } from '../../../gateway/normalise.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { seededRandom } from '../../support/seed.ts'

const library = await scanLibrary([])

/** The Modbus line of a site, played as `linli simulate` and the demo play it. */
async function simulated(file: string, port: number): Promise<{ readonly simulator: ModbusSimulator; readonly devices: ModbusConfig['devices'] }> {
  const site = await readSite(file, { override: (raw) => { const { connections } = raw as { connections: { driver: string; port?: number }[] }; for (const each of connections) if (each.driver === 'modbus') each.port = port; return raw } })
  const line = site.connections.find(({ driver }) => driver === 'modbus') as ModbusConfig
  const random = seededRandom(3)
  const simulator = await (await simulators.modbus!(await identitiesOf(site)))(line, { clock: systemClock, random }) as ModbusSimulator
  onTestFinished(async () => { await simulator[Symbol.asyncDispose]() })
  const points = new Map(line.devices.flatMap((device) => device.points).map((point) => [point.id, point]))
  const world = new World(line.devices, random, Date.UTC(2026, 6, 1))
  for (let step = 0; step < 3; step++) for (const [id, value] of world.step(1_000)) simulator.set(id, toRaw(value, points.get(id)!))
  return { simulator, devices: line.devices }
}

async function scanned({ simulator, devices }: Awaited<ReturnType<typeof simulated>>): Promise<Readonly<Record<string, string | null>>> {
  const targets = [{ host: '127.0.0.1', address: '127.0.0.1', port: simulator.port }]
  const ids = devices.map(({ settings }) => settings.unitId)
  const named: Record<string, string | null> = {}
  for await (const event of scanTcp({ targets, units: { first: Math.min(...ids), last: Math.max(...ids) }, timeoutMs: 60, connectMs: 500, library, clock: systemClock }, new AbortController().signal)) {
    if (event.kind === 'found') named[devices.find(({ settings }) => settings.unitId === event.device.unitId)!.id] = event.device.identified?.profile ?? null
  }
  return named
}

describe('simulated Modbus devices', () => {
  it('of the demo are found and named by a scan, by what the real ones hold', async () => {
    process.env.LINLI_DEMO_DEVICE_PASSWORD ??= 'only for reading the file'
    const line = await simulated(demoSite, await freePort())
    expect(await scanned(line)).toEqual({ 'hall-env': 'xy-md02', 'main-meter': 'sdm630', relays: 'waveshare-8-relay' })
    expect([...line.simulator.functions.keys()].filter((code) => code > 4 && code !== 17 && code !== 43)).toEqual([])
  })
  it('of every model answer as their profile says, so that none is taken for another, and one whose profile names nothing stays unnamed', { timeout: 30_000 }, async () => {
    const file = path.join(await tempFolder(), 'site.yaml')
    const models = library.map(({ name }, index) => `  - { id: ${name}, name: { zh: 某, en: x }, connection: line, profile: ${name}, unitId: ${index + 17} }`)
    await writeFile(file, ['linli: 2', 'site: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }', 'connections:', '  - { id: line, driver: modbus, host: 127.0.0.1 }', 'devices:', ...models, ''].join('\n'))
    const line = await simulated(file, await freePort())
    // What all of a maker's models hold names none of them.
    expect(await scanned(line)).toEqual(Object.fromEntries(library.map(({ name, identify }) => [name, identify.some(({ family }) => !family) ? name : null])))
  })
})
