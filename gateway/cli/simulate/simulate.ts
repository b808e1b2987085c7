import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseDocument } from 'yaml'
import { didYouMean } from '../../kit/suggest.ts'
import type { ConnectionConfig, PointConfig, Simulator, Value } from '../../contract/index.ts'
import { codeOf, ConfigError, describe, systemClock as clock, systemRandom as random } from '../../kit/index.ts'
import { toRaw } from '../../normalise.ts'
import { aborted, paint, print, printJson, stopAfter, stopSignal } from '../output.ts'
import { readSite, type Site } from '../rooms.ts'
import { parseFault, playFaults, type PlannedFault } from './faults.ts'
import { identitiesOf } from './identities.ts'
import { simulators } from './simulators.ts'
import { World } from './world.ts'

export interface SimulateOptions { readonly fault?: readonly string[]; readonly for?: number; readonly out?: string; readonly json?: boolean }

const stepMs = 1_000

/** `linli simulate`: every device of a site file on its own protocol and address, until Ctrl-C. */
export async function simulate(file: string, options: SimulateOptions): Promise<void> {
  const stop = stopSignal()
  const site = await readSite(file)
  const faults = (options.fault ?? []).map(parseFault)
  checkFaults(site, faults)
  if (options.out && path.resolve(options.out) === path.resolve(file)) throw new ConfigError('SIMULATION_OUT', `${options.out} is the site file itself; give --out another name`)
  await using stack = new AsyncDisposableStack()
  const running = new Map<string, Simulator>()
  const absent = new Map<string, string>()
  const identities = await identitiesOf(site)
  for (const connection of site.connections) {
    // One that cannot be served here, for want of a port or of pins, does not keep the others from running.
    try {
      const start = await simulators[connection.driver]?.(identities)
      if (start) running.set(connection.id, stack.use(await start(connection, { clock, random })))
      else absent.set(connection.id, `driver ${connection.driver} has no simulator`)
    } catch (error) {
      absent.set(connection.id, `${codeOf(error)} ${describe(error)}`)
    }
  }
  if (running.size === 0 && site.connections.length > 0) throw new ConfigError('SIMULATION_FAILED', `nothing of ${file} can be simulated here: ${[...absent].map(([id, why]) => `${id}: ${why}`).join('; ')}`)
  checkFaults(site, faults, absent)
  if (options.out) await writeRedirected(file, options.out, running)
  tell(site, running, absent, options)
  stack.defer(play(site, running))
  stack.defer(playFaults(faults, clock, (deviceId, fault) => {
    const connection = site.connections.find(({ devices }) => devices.some(({ id }) => id === deviceId))!
    running.get(connection.id)?.fault(deviceId, fault)
    if (!options.json) print(paint('yellow', `${deviceId}: ${fault ?? 'well again'}`))
  }))
  await aborted(stopAfter(stop, options.for))
}

function checkFaults(site: Site, faults: readonly PlannedFault[], absent: ReadonlyMap<string, string> = new Map()): void {
  const devices = new Map(site.connections.flatMap(({ id: connection, devices: all }) => all.map(({ id }) => [id, connection] as const)))
  for (const { deviceId } of faults) {
    const connection = devices.get(deviceId)
    if (connection === undefined) throw new ConfigError('FAULT_INVALID', `no device "${deviceId}" in ${site.file}${didYouMean(deviceId, devices.keys())}`)
    if (absent.has(connection)) throw new ConfigError('FAULT_INVALID', `${deviceId} cannot fail: its connection ${connection} is not simulated here (${absent.get(connection)})`)
  }
}

function tell(site: Site, running: ReadonlyMap<string, Simulator>, absent: ReadonlyMap<string, string>, { json, out }: SimulateOptions): void {
  const rows = site.connections.map(({ id, driver, devices }) => ({ connection: id, driver, devices: devices.length, where: running.get(id)?.where ?? null, redirect: running.get(id)?.redirect ?? {}, ...(absent.has(id) ? { reason: absent.get(id)! } : {}) }))
  if (json) return printJson(rows)
  for (const { connection, driver, devices, where, redirect, reason } of rows) {
    print(`${paint('bold', connection)}  ${driver}  ${devices} device${devices === 1 ? '' : 's'}  ${where ?? paint('yellow', `not simulated: ${reason}`)}`)
    if (Object.keys(redirect).length > 0 && !out) print(paint('yellow', `  the site file's own address is not this machine's: run with --out sim.yaml, then linli run sim.yaml (${JSON.stringify(redirect)})`))
  }
  print('values move once a second; Ctrl-C ends it')
}

/** Moves all values once a second; returns what stops it. */
function play(site: Site, running: ReadonlyMap<string, Simulator>): () => void {
  const owners = new Map<string, { readonly point: PointConfig; readonly simulator: Simulator }>()
  for (const connection of site.connections) {
    const simulator = running.get(connection.id)
    if (simulator) for (const point of pointsOf(connection)) owners.set(point.id, { point, simulator })
  }
  const world = new World(site.connections.flatMap(({ devices }) => devices), random, clock.now())
  const move = (): void => { for (const [id, value] of world.step(stepMs)) { const owner = owners.get(id); if (owner && !hold(owner.simulator, owner.point, value)) owners.delete(id) } }
  let cancel = clock.after(stepMs, function step() { move(); cancel = clock.after(stepMs, step) })
  move()
  return () => cancel()
}

const pointsOf = (connection: ConnectionConfig): readonly PointConfig[] => connection.devices.flatMap(({ points }) => points)

/** False for a point that can hold no value of the world's, because of a scale or format of its own: it stands still and is told once. */
function hold(simulator: Simulator, point: PointConfig, value: Value): boolean {
  try {
    simulator.set(point.id, toRaw(value, point))
    return true
  } catch (error) {
    process.stderr.write(`${paint('yellow', `${point.id} stands still: ${describe(error)}`, process.stderr)}\n`)
    return false
  }
}

/** The same site file with the addresses where the simulators really are. Comments stay. */
async function writeRedirected(file: string, out: string, running: ReadonlyMap<string, Simulator>): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'))
  const connections = document.toJS() as { connections: { id: string }[] }
  connections.connections.forEach(({ id }, index) => {
    for (const [key, value] of Object.entries(running.get(id)?.redirect ?? {})) document.setIn(['connections', index, key], value)
  })
  await writeFile(out, document.toString({ lineWidth: 0 }))
}
