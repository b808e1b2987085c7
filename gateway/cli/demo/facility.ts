import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startCity } from '../../../cloud-sync/simulator.ts'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import { startMqttSimulator } from '../../../drivers/mqtt/simulator.ts'
import { randomHex, systemClock as clock, systemRandom as random, type Logger, type LogRing } from '../../kit/index.ts'
import type { ConnectionConfig, Simulator } from '../../contract/index.ts'
import { startGateway, type Gateway } from '../../main.ts'
import { toRaw } from '../../normalise.ts'
import { readSite, type Site } from '../rooms.ts'
import { identitiesOf } from '../simulate/identities.ts'
import { World } from '../simulate/world.ts'
import { Comparison } from './comparison.ts'

export const demoSite = path.join(fileURLToPath(new URL('../../../firmware-config/demo', import.meta.url)), 'site.yaml')
const stepMs = 1_000
const passwordVariable = 'LINLI_DEMO_DEVICE_PASSWORD'

export interface Facility extends AsyncDisposable {
  readonly site: Site
  readonly gateway: Gateway
  readonly city: Awaited<ReturnType<typeof startCity>>
  readonly comparison: Comparison
  /** HOST:PORT of the simulated Modbus line, for `linli scan tcp`. */
  readonly line: string
  /** Since the process began; null before the city has anything. */
  firstMessageMs(): number | null
  /** The devices fall silent; resolves when all they sent has reached the city, or after `withinMs`. */
  settle(withinMs: number): Promise<void>
}

/** A whole building in one process: device simulators, gateway and city, on real sockets of loopback, in a temp folder. `port`: of the console, unless somebody has it. */
export async function startFacility(log: Logger, port = 0, ring?: LogRing): Promise<Facility> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'linli-demo-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  process.env[passwordVariable] ??= randomHex(16)
  const city = await startCity({})
  stack.defer(() => city.stop())
  const [modbusPort, brokerPort, consolePort] = [await freePort(), await freePort(), await freePort(port).catch(() => freePort())]
  const site = await readSite(demoSite, { override: (raw) => onLoopback(raw, { folder, modbusPort, brokerPort, consolePort, cityUrl: city.url }) })
  const line = connectionOf(site, 'modbus')
  const broker = connectionOf(site, 'mqtt')

  const modbus = await startModbusSimulator(line, { clock, random }, { port: modbusPort, strict: true, identities: await identitiesOf(site) })
  stack.use(modbus)
  stack.defer(play(line, modbus))
  const comparison = new Comparison(site)
  let firstMessageMs: number | null = null
  city.onEvent((record) => { firstMessageMs ??= Math.round(clock.monotonic()); comparison.received(record) })
  const gateway = stack.use(await startGateway({ site, log, ...(ring ? { ring } : {}) }))
  const devices = stack.use(await startMqttSimulator(broker, { clock, random }))
  stack.defer(play(broker, devices))

  const owned = stack.move()
  const compare = (): void => comparison.sent(devices.acknowledged(), (point) => modbus.served(point))
  return {
    site, gateway, city, comparison, line: modbus.where,
    firstMessageMs: () => firstMessageMs,
    async settle(withinMs) {
      const deadline = clock.monotonic() + withinMs
      await devices.quiet()
      for (compare(); comparison.result().lost > 0 && clock.monotonic() < deadline; compare()) await clock.sleep(20)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** So that there is something to see on the first page: one terminal never has much paper. */
const shortOfPaper = 'terminal-2.paper'
const littlePaper = 8

/** Moves a connection's values once a second, from now on; returns what stops it. */
function play({ devices }: ConnectionConfig<any, any, any>, simulator: Simulator): () => void {
  const world = new World(devices, random)
  const points = new Map(devices.flatMap((device) => device.points.map((point) => [point.id, point] as const)))
  const move = (): void => { for (const [id, value] of world.step(stepMs)) simulator.set(id, toRaw(id === shortOfPaper && typeof value === 'number' ? Math.min(value, littlePaper) : value, points.get(id)!)) }
  let cancel = clock.after(stepMs, function step() { move(); cancel = clock.after(stepMs, step) })
  move()
  return () => cancel()
}

function connectionOf(site: Site, driver: string): ConnectionConfig<any, any, any> {
  return site.connections.find((connection) => connection.driver === driver)!
}

interface Loopback { readonly folder: string; readonly modbusPort: number; readonly brokerPort: number; readonly consolePort: number; readonly cityUrl: string }
interface RawSite { store?: unknown; console?: unknown; connections: { driver: string; port?: number; listen?: { port: number } }[]; uplinks: { url: string }[] }

/** The shipped site file with ephemeral ports and a temp folder, so that two demos never meet. */
function onLoopback(raw: unknown, { folder, modbusPort, brokerPort, consolePort, cityUrl }: Loopback): unknown {
  const site = structuredClone(raw) as RawSite
  site.store = { path: folder }
  site.console = { enabled: true, listen: { port: consolePort } }
  for (const connection of site.connections) {
    if (connection.driver === 'modbus') connection.port = modbusPort
    if (connection.listen) connection.listen.port = brokerPort
  }
  for (const uplink of site.uplinks) uplink.url = cityUrl
  return site
}

function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
