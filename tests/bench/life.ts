import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { startCity } from '../../cloud-sync/simulator.ts'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { systemClock as clock, systemRandom as random } from '../../gateway/kit/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { bundle } from '../../firmware-config/package/bundle.ts'
import { stage } from '../../firmware-config/package/stage.ts'
import { freePort, inFolder, median, residentMb, stop } from './processes.ts'

const main = path.join(import.meta.dirname, '../../linli.mjs')
const settleMs = 10_000

const site = (folder: string, modbusPort: number, brokerPort: number, cityUrl: string): string => [
  'linli: 2', 'site: { id: bench, name: { zh: 测, en: bench }, region: "420106" }', `store: { path: ${folder}/data }`, 'log: { level: error }',
  `connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: ${modbusPort} }, { id: broker, driver: mqtt, listen: { port: ${brokerPort} } }]`,
  'devices: [{ id: meter, name: { zh: 表, en: meter }, connection: line, profile: sdm630, unitId: 1 }]',
  `uplinks: [{ id: city, url: "${cityUrl}", protocol: "3.1.1" }]`, '',
].join('\n')

export interface Life {
  /** From spawn to the city's first message, with the site file of the start before. */
  readonly firstMessageMs: number
  /** The same with a site file that was changed since. */
  readonly changedMs: number
  readonly idleMb: number
}

/** `linli run` unbundled with Modbus, MQTT broker and uplink: medians of `runs`, and resident MB when idle. `keeps`: it keeps the checked site file for its next start. */
export function life(runs: number, starter = main, keeps = false): Promise<Life> {
  return inFolder(async (folder) => {
    const city = await startCity()
    const [modbusPort, brokerPort] = [await freePort(), await freePort()]
    const file = path.join(folder, 'site.yaml')
    const text = site(folder, modbusPort, brokerPort, city.url)
    await writeFile(file, text)
    const line = (await readSite(file)).connections[0] as Parameters<typeof startModbusSimulator>[0]
    await using _simulator = await startModbusSimulator(line, { clock, random }, { port: modbusPort })
    let first: (() => void) | null = null
    city.onEvent(() => { first?.(); first = null })
    const [changed, same]: [number[], number[]] = [[], []]
    let idleMb = 0
    // The first one fills the compile cache, as the installation does; then as many with a file that changes as with one that does not.
    for (let run = 0; run <= 2 * runs; run++) {
      if (run <= runs) await writeFile(file, `${text}# ${run}\n`)
      const arrived = new Promise<void>((resolve) => { first = resolve })
      const began = performance.now()
      const gateway = spawn(process.execPath, [starter, 'run', file], { stdio: ['ignore', 'ignore', 'inherit'] })
      await arrived
      if (run > 0) (run <= runs ? changed : same).push(performance.now() - began)
      if (run === runs && keeps) await waitFor(path.join(folder, 'data/checked-site'))
      if (run === 2 * runs) {
        await new Promise((resolve) => setTimeout(resolve, settleMs))
        idleMb = residentMb(gateway.pid!)
      }
      await stop(gateway)
    }
    await city.stop()
    return { firstMessageMs: median(same), changedMs: median(changed), idleMb }
  })
}

/** Some seconds after its start. */
async function waitFor(file: string): Promise<void> {
  for (let tries = 0; !existsSync(file); tries++) {
    if (tries > 200) throw new Error(`${file} did not come`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The same with the bundle, as the .deb's /usr/bin/linli starts it. */
export function bundledLife(runs: number): ReturnType<typeof life> {
  return inFolder(async (folder) => {
    const root = path.dirname(main)
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
    await stage(root, folder, arch, await bundle(root, folder))
    return life(runs, path.join(folder, 'linli.mjs'), true)
  })
}
