import { readFile, writeFile } from 'node:fs/promises'
import { parseDocument } from 'yaml'
import { didYouMean } from '../../../firmware-config/site/index.ts'
import type { ConnectionConfig, PointConfig, Simulator } from '../../contract/index.ts'
import { ConfigError, systemClock as clock, systemRandom as random } from '../../kit/index.ts'
import { toRaw } from '../../normalise.ts'
import { aborted, paint, print, printJson, stopSignal } from '../output.ts'
import { readSite, type Site } from '../rooms.ts'
import { parseFault, type PlannedFault } from './faults.ts'
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
  await using stack = new AsyncDisposableStack()
  const running = new Map<string, Simulator>()
  for (const connection of site.connections) {
    const start = await simulators[connection.driver]?.()
    if (start) running.set(connection.id, stack.use(await start(connection, { clock, random })))
  }
  if (options.out) await writeRedirected(file, options.out, running)
  tell(site, running, options)
  stack.defer(play(site, running))
  for (const fault of faults) stack.defer(plan(site, running, fault, options.json === true))
  await aborted(options.for === undefined ? stop : AbortSignal.any([stop, AbortSignal.timeout(options.for)]))
}

function checkFaults(site: Site, faults: readonly PlannedFault[]): void {
  const devices = site.connections.flatMap((connection) => connection.devices.map(({ id }) => id))
  for (const { deviceId } of faults) if (!devices.includes(deviceId)) throw new ConfigError('FAULT_INVALID', `no device "${deviceId}" in ${site.file}${didYouMean(deviceId, devices)}`)
}

function tell(site: Site, running: ReadonlyMap<string, Simulator>, { json, out }: SimulateOptions): void {
  const rows = site.connections.map(({ id, driver, devices }) => ({ connection: id, driver, devices: devices.length, where: running.get(id)?.where ?? null, redirect: running.get(id)?.redirect ?? {} }))
  if (json) return printJson(rows)
  for (const { connection, driver, devices, where, redirect } of rows) {
    print(`${paint('bold', connection)}  ${driver}  ${devices} device${devices === 1 ? '' : 's'}  ${where ?? paint('yellow', 'not simulated: pins belong to a kernel; see npm run test:gpio')}`)
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
  const world = new World(site.connections.flatMap(({ devices }) => devices), random)
  const move = (): void => { for (const [id, value] of world.step(stepMs)) { const owner = owners.get(id); owner?.simulator.set(id, toRaw(value, owner.point)) } }
  let cancel = clock.after(stepMs, function step() { move(); cancel = clock.after(stepMs, step) })
  move()
  return () => cancel()
}

const pointsOf = (connection: ConnectionConfig): readonly PointConfig[] => connection.devices.flatMap(({ points }) => points)

function plan(site: Site, running: ReadonlyMap<string, Simulator>, { deviceId, fault, atMs, forMs }: PlannedFault, quiet: boolean): () => void {
  const connection = site.connections.find(({ devices }) => devices.some(({ id }) => id === deviceId))!
  const set = (now: typeof fault | null): void => {
    running.get(connection.id)?.fault(deviceId, now)
    if (!quiet) print(paint('yellow', `${deviceId}: ${now ?? 'well again'}`))
  }
  const cancels = [clock.after(atMs, () => set(fault)), ...(forMs === null ? [] : [clock.after(atMs + forMs, () => set(null))])]
  return () => { for (const cancel of cancels) cancel() }
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
