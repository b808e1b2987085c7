import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startCity, type City } from '../../cloud-sync/simulator.ts'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { systemClock as clock, systemRandom as random } from '../../gateway/kit/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { bundle } from '../../firmware-config/package/bundle.ts'
import { stage } from '../../firmware-config/package/stage.ts'
import { readingsAt } from './mqtt-house.ts'
import { redFolder } from './peers.ts'
import { freePort, inFolder, median, residentMb, start, stop, until } from './processes.ts'

const main = path.join(import.meta.dirname, '../../linli.mjs')
const settleMs = 10_000

interface House { readonly folder: string; readonly modbusPort: number; readonly city: City }

const site = ({ folder, modbusPort, city }: House, brokerPort: number, consolePort?: number): string => [
  'linli: 2', 'site: { id: bench, name: { zh: 测, en: bench }, region: "420106" }', `store: { path: ${folder}/data }`, 'log: { level: error }',
  ...(consolePort === undefined ? [] : [`console: { enabled: true, listen: { port: ${consolePort} } }`]),
  `connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: ${modbusPort} }, { id: broker, driver: mqtt, listen: { port: ${brokerPort} } }]`,
  'devices: [{ id: meter, name: { zh: 表, en: meter }, connection: line, profile: sdm630, unitId: 1 }]',
  `uplinks: [{ id: city, url: "${city.url}", protocol: "3.1.1" }]`, '',
].join('\n')

export interface Life {
  /** From spawn to the city's first message, with the site file of the start before. */
  readonly firstMessageMs: number
  /** The same with a site file that was changed since. */
  readonly changedMs: number
  /** From spawn to the city's first reading, as firstMessageMs. */
  readonly firstReadingMs: number
  readonly idleMb: number
  readonly consoleIdleMb: number
}

/** A city and a meter that answers, for as long as the work lasts. */
function inHouse<T>(work: (house: House) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const city = await startCity()
    const [modbusPort, brokerPort] = [await freePort(), await freePort()]
    const file = path.join(folder, 'meter.yaml')
    await writeFile(file, site({ folder, modbusPort, city }, brokerPort))
    const line = (await readSite(file)).connections[0] as Parameters<typeof startModbusSimulator>[0]
    await using _simulator = await startModbusSimulator(line, { clock, random }, { port: modbusPort })
    try { return await work({ folder, modbusPort, city }) } finally { await city.stop() }
  })
}

/** From the start of a program to what the city first hears of it, and to its first reading; the program lives on. */
async function untilHeard({ city }: House, args: readonly string[]): Promise<{ readonly program: ChildProcess; readonly ms: number; readonly readingMs: number }> {
  let [heardAt, readingAt]: [number | null, number | null] = [null, null]
  city.onEvent(({ stream }) => {
    heardAt ??= performance.now()
    if (stream === 'telemetry') readingAt ??= performance.now()
  })
  const began = performance.now()
  const program = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  await until(() => readingAt !== null || program.exitCode !== null)
  if (heardAt === null || readingAt === null) throw new Error(`${args[0]} ended with ${program.exitCode}`)
  return { program, ms: heardAt - began, readingMs: readingAt - began }
}

const idle = async (program: ChildProcess): Promise<number> => { await pause(settleMs); return residentMb(program.pid!) }

/** `linli run` unbundled with Modbus, MQTT broker and uplink: medians of `runs`, and resident MB when idle, the console off and on. `keeps`: it keeps the checked site file for its next start. */
export function life(runs: number, starter = main, keeps = false): Promise<Life> {
  return inHouse(async (house) => {
    const brokerPort = await freePort()
    const file = path.join(house.folder, 'site.yaml')
    const text = site(house, brokerPort)
    const [changed, same, readings]: [number[], number[], number[]] = [[], [], []]
    let [idleMb, consoleIdleMb] = [0, 0]
    // The first one fills the compile cache, as the installation does; then as many with a file that changes as with one that does not.
    for (let run = 0; run <= 2 * runs; run++) {
      if (run <= runs) await writeFile(file, `${text}# ${run}\n`)
      const { program, ms, readingMs } = await untilHeard(house, [starter, 'run', file])
      if (run > 0) (run <= runs ? changed : same).push(ms)
      if (run > runs) readings.push(readingMs)
      if (run === runs && keeps) await until(() => existsSync(path.join(house.folder, 'data/checked-site')))
      if (run === 2 * runs) idleMb = await idle(program)
      await stop(program)
    }
    await writeFile(file, site(house, brokerPort, await freePort()))
    // The first one makes the console's certificate and keeps the checked file.
    for (const last of [false, true]) {
      const { program } = await untilHeard(house, [starter, 'run', file])
      if (last || keeps) consoleIdleMb = await idle(program)
      await stop(program)
    }
    return { firstMessageMs: median(same), changedMs: median(changed), firstReadingMs: median(readings), idleMb, consoleIdleMb }
  })
}

/** Node-RED that reads the same meter and tells the same city; it has no broker and no disk in it. */
export function nodeRedLife(runs: number): Promise<Pick<Life, 'firstReadingMs' | 'idleMb'>> {
  return inHouse(async ({ modbusPort }) => {
    // Its messages carry no sequence that the other city could check.
    const city = await start<{ port: number }>('city.ts', [])
    const all: number[] = []
    let idleMb = 0
    for (let run = 0; run <= runs; run++) {
      const before = await readingsAt(city.process)
      const began = performance.now()
      const program = spawn(process.execPath, [path.join(redFolder, 'life.mjs'), String(modbusPort), String(city.first.port)], { stdio: ['ignore', 'ignore', 'inherit'] })
      await until(async () => await readingsAt(city.process) > before)
      if (run > 0) all.push(performance.now() - began)
      if (run === runs) idleMb = await idle(program)
      await stop(program)
    }
    await stop(city.process)
    return { firstReadingMs: median(all), idleMb }
  })
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
