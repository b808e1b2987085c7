import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { examine, lookAt } from '../../drivers/modbus/scan/look.ts'
import type { ScanProfile } from '../../drivers/modbus/scan/fingerprint.ts'
import { TcpScanLine } from '../../drivers/modbus/scan/tcp-scan-line.ts'
import { systemClock as clock } from '../../gateway/kit/index.ts'
import { scanLibrary } from '../../gateway/main/discovery/library.ts'
import { busOf, fillBus, startBus, strangers, type BusDevice } from '../support/scan-bus.ts'
import { ptyScan, runScan } from '../support/scan-lines.ts'
import { seededRandom } from '../support/seed.ts'

export interface Acceptance { readonly recall: number; readonly precision: number; readonly busSeconds: number; readonly writes: number; readonly found: number; /** Devices taken for two. */ readonly twins: number }

const reads = new Set([1, 2, 3, 4, 17, 43])
const known = ['sdm120', 'sdm630', 'sdm72', 'dtsu666', 'pzem-016', 'xy-md02', 'orno-we-514', 'waveshare-8-relay']
/** Spread as installers do: by ten, by room, by the sticker on the device. */
const units = [1, 2, 3, 7, 11, 12, 20, 33, 40, 58, 101, 200]

/** Eight known, two unknown, two that look known; a real pty at 9600 baud, real waits, every unit id. */
export async function acceptance(): Promise<Acceptance> {
  const library = await scanLibrary([])
  const folder = await mkdtemp(path.join(tmpdir(), 'linli-scan-'))
  const devices = units.map((unit, index): BusDevice => ({ ...(index < known.length ? { unit, profile: known[index]! } : strangers[index - known.length]!(unit)), turnaround: `${10 + index * 6}ms` }))
  try {
    await using simulator = await startBus(devices, library, { transport: 'rtu', path: path.join(folder, 'line'), host: undefined, baudRate: 9_600 })
    const { devices: found, busMs } = await runScan(ptyScan(simulator.where, library))
    const named = found.filter(({ identified }) => identified)
    const right = named.filter(({ unitId, identified }) => devices.find(({ unit }) => unit === unitId)?.profile === identified!.profile)
    return {
      recall: right.length / known.length, precision: named.length === 0 ? 1 : right.length / named.length, busSeconds: Math.round(busMs / 1_000), found: found.length, twins: found.filter(({ duplicate }) => duplicate).length,
      writes: [...simulator.functions].reduce((sum, [code, count]) => sum + (reads.has(code) ? 0 : count), 0),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export interface Population { readonly known: number; readonly named: number; readonly right: number; readonly nearMisses: number; readonly falselyNamed: number; readonly missed: Readonly<Record<string, number>>; readonly fooled: readonly string[] }

/** One thing about it is not as in the model: its registers lie elsewhere, or hold something else. */
const twists: readonly { readonly name: string; twist(points: ScanProfile['points'], random: () => number): ScanProfile['points'] }[] = [
  { name: 'shifted by one', twist: (points) => points.map((point) => ({ ...point, address: { ...point.address, register: point.address.register + 1 } })) },
  { name: 'other word order', twist: (points) => points.map((point) => ({ ...point, address: { ...point.address, wordOrder: point.address.wordOrder === 'big' ? 'little' as const : 'big' as const } })) },
  { name: 'another scale', twist: (points) => points.map((point) => ({ ...point, scale: point.scale / 10 })) },
  { name: 'in the other table', twist: (points) => points.map((point) => ({ ...point, address: { ...point.address, table: ({ holding: 'input', input: 'holding', coil: 'discrete', discrete: 'coil' } as const)[point.address.table] } })) },
  { name: 'half of the points', twist: (points, random) => points.filter((_, index) => (index + Math.floor(random() * 2)) % 2 === 0) },
]

/** Every model of the library with other loads and unit ids, and as many devices that differ from it in one way; over TCP, for speed. */
export async function population(rounds: number): Promise<Population> {
  const library = await scanLibrary([])
  const random = seededRandom(7)
  let [all, named, right, nearMisses, falselyNamed] = [0, 0, 0, 0, 0]
  const missed: Record<string, number> = {}
  const fooled: string[] = []
  for (let round = 0; round < rounds; round++) {
    for (const profile of library) {
      const unit = 1 + Math.floor(random() * 60)
      const { twist } = twists[(round + library.indexOf(profile)) % twists.length]!
      const impostor = { ...profile, name: profile.name, points: twist(profile.points, random) }
      const genuine = await judge(unit, profile.name, library, library, random)
      all++
      if (genuine !== null) named++
      if (genuine === profile.name) right++
      else missed[profile.name] = (missed[profile.name] ?? 0) + 1
      // A twist that leaves nothing, or changes nothing that is there, is no near miss.
      if (!differs(profile, impostor, twist)) continue
      nearMisses++
      const called = await judge(unit, profile.name, library.map((each) => (each === profile ? impostor : each)), library, random)
      if (called !== null) { falselyNamed++; fooled.push(`${profile.name} ${twists.find((each) => each.twist === twist)!.name} (unit ${unit})`) }
    }
  }
  return { known: all, named, right, nearMisses, falselyNamed, missed, fooled }
}

const wide = new Set<string | undefined>(['u32', 's32', 'f32', 's64', 'u64'])
function differs({ points }: ScanProfile, impostor: ScanProfile, twist: (typeof twists)[number]['twist']): boolean {
  if (impostor.points.length === 0) return false
  if (twist === twists[1]!.twist) return points.some(({ address }) => wide.has(address.format))
  return twist !== twists[2]!.twist || points.some(({ deadband }) => deadband > 0)
}

/** What a scan with `library` calls a device that is built as `truth` says. */
async function judge(unit: number, profile: string, truth: readonly ScanProfile[], library: readonly ScanProfile[], random: () => number): Promise<string | null> {
  const devices: readonly BusDevice[] = [{ unit, profile }]
  const config = busOf(devices, truth, { host: '127.0.0.1' })
  await using simulator = await startModbusSimulator(config, { clock, random }, { port: 0, strict: true })
  fillBus(simulator, config, devices, random)
  await using line = await TcpScanLine.open('127.0.0.1', simulator.port, 2_000, clock)
  const seen = await lookAt(line, unit, 'holding', 500)
  return (await examine(line, { unit, place: { transport: 'tcp', host: '127.0.0.1', port: simulator.port }, baudRate: 9_600, library, timeoutMs: 500, seen })).identified?.profile ?? null
}
