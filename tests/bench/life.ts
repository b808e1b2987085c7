import { spawn } from 'node:child_process'
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

/** `linli run` unbundled with Modbus, MQTT broker and uplink: ms from spawn to the city's first message (median of `runs`), and resident MB when idle. */
export function life(runs: number, starter = main): Promise<{ readonly firstMessageMs: number; readonly idleMb: number }> {
  return inFolder(async (folder) => {
    const city = await startCity()
    const [modbusPort, brokerPort] = [await freePort(), await freePort()]
    const file = path.join(folder, 'site.yaml')
    await writeFile(file, site(folder, modbusPort, brokerPort, city.url))
    const line = (await readSite(file)).connections[0] as Parameters<typeof startModbusSimulator>[0]
    await using _simulator = await startModbusSimulator(line, { clock, random }, { port: modbusPort })
    let first: (() => void) | null = null
    city.onEvent(() => { first?.(); first = null })
    const times: number[] = []
    let idleMb = 0
    for (let run = 0; run <= runs; run++) {
      const arrived = new Promise<void>((resolve) => { first = resolve })
      const began = performance.now()
      const gateway = spawn(process.execPath, [starter, 'run', file], { stdio: ['ignore', 'ignore', 'inherit'] })
      await arrived
      // The first one fills the compile cache, as the installation does.
      if (run > 0) times.push(performance.now() - began)
      if (run === runs) {
        await new Promise((resolve) => setTimeout(resolve, settleMs))
        idleMb = residentMb(gateway.pid!)
      }
      await stop(gateway)
    }
    await city.stop()
    return { firstMessageMs: median(times), idleMb }
  })
}

/** The same with the bundle, as the .deb's /usr/bin/linli starts it. */
export function bundledLife(runs: number): ReturnType<typeof life> {
  return inFolder(async (folder) => {
    const root = path.dirname(main)
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
    await stage(root, folder, arch, await bundle(root, folder))
    return life(runs, path.join(folder, 'linli.mjs'))
  })
}
