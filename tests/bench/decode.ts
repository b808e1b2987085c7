import { checkDecoding, type DecodeFinding, type Look } from '../../drivers/modbus/scan/decode-check.ts'
import type { ScanProfile } from '../../drivers/modbus/scan/fingerprint.ts'
import { measuredBy } from '../../drivers/modbus/scan/physics.ts'
import { widthOf } from '../../drivers/modbus/registers.ts'
import { decodePoint, encodeRegisters } from '../../drivers/modbus/values.ts'
import type { ModbusPoint } from '../../drivers/modbus/plan.ts'
import { World } from '../../gateway/cli/simulate/world.ts'
import { scanLibrary } from '../../gateway/main/discovery/library.ts'
import { toRaw } from '../../gateway/normalise.ts'
import { seededRandom } from '../support/seed.ts'

export interface Decoded {
  readonly corrupted: number; /** Maps of `corrupted` that were told. */ readonly told: number; /** Of those: the true remedy is among the told ones, and alone. */ readonly named: number; readonly sole: number
  readonly right: number; /** Right maps that were told to be wrong. */ readonly falselyTold: number
  readonly missed: readonly string[]
}

interface Damage { readonly what: string; readonly points: readonly ModbusPoint[]; names(finding: DecodeFinding): boolean }
const minutesApart = 10

/** `count` maps of the library's meters with one mistake each, and as many right ones, at loads that people have. */
export async function decodes(count: number): Promise<Decoded> {
  const random = seededRandom(11)
  const meters = (await scanLibrary([])).filter(({ points }) => points.filter((point) => measuredBy(point)).length >= 3)
  const missed: string[] = []
  let [told, named, sole, falselyTold] = [0, 0, 0, 0]
  for (let index = 0; index < count; index++) {
    const meter = meters[index % meters.length]!
    const looks = looksAt(meter, random)
    if (checkDecoding(meter.points, looks)) falselyTold++
    const damage = damaged(meter, looks[0]!, random, index)
    const finding = checkDecoding(damage.points, looks)
    if (!finding) { missed.push(`${meter.name}: ${damage.what}`); continue }
    told++
    if (!damage.names(finding)) continue
    named++
    if (finding.remedies.length === 1) sole++
  }
  return { corrupted: count, told, named, sole, right: count, falselyTold, missed }
}

/** The registers of a meter twice, ten minutes apart. */
function looksAt({ name, label, points }: ScanProfile, random: () => number): readonly Look[] {
  const world = new World([{ id: name, name: label, connectionId: 'c', settings: {}, points }], random, Date.UTC(2026, Math.floor(random() * 12), 1))
  const look = (atMs: number, values: ReadonlyMap<string, unknown>): Look => ({ atMs, registers: new Map(points.flatMap((point) => {
    const value = values.get(point.id)
    return typeof value === 'number' ? [[point.id, encodeRegisters(point.address, held(point, value))] as const] : []
  })) })
  for (let step = 0; step < 20; step++) world.step(1_000)
  const first = look(0, world.step(1_000))
  // As the minutes go: the load wanders.
  for (let second = 0; second < minutesApart * 60 - 1; second++) world.step(1_000)
  return [first, look(minutesApart * 60_000, world.step(1_000))]
}

function held(point: ModbusPoint, value: number): number {
  const raw = toRaw(value, point) as number
  return point.address.format?.startsWith('f') ? raw : Math.round(raw)
}

/** One mistake, in a point that shows something: another word order, or a scale that is one to three decades off; of one point or of all that have the unit. */
function damaged({ points }: ScanProfile, { registers }: Look, random: () => number, index: number): Damage {
  const measured = points.filter((point) => measuredBy(point) && registers.get(point.id)?.some((byte) => byte !== 0))
  const wide = measured.filter(({ address }) => widthOf(address) > 1)
  const pick = <T,>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  if (index % 2 === 0 && wide.length > 0) {
    const ids = index % 4 === 0 ? points.filter(({ address }) => widthOf(address) > 1).map(({ id }) => id) : [pick(wide.filter((point) => changes(point, registers.get(point.id)!))).id]
    const wrong = points.map((point) => (ids.includes(point.id) ? { ...point, address: { ...point.address, wordOrder: point.address.wordOrder === 'big' ? 'little' as const : 'big' as const } } : point))
    return { what: `words of ${ids.length === 1 ? ids[0]! : 'all'}`, points: wrong, names: ({ remedies }) => remedies.some((remedy) => remedy.wordOrder !== undefined && (ids.length > 1 || remedy.points.includes(ids[0]!))) }
  }
  const target = pick(measured)
  const power = pick([-3, -2, -1, 1, 2, 3])
  const wrong = points.map((point) => (point === target ? { ...point, scale: point.scale * 10 ** power } : point))
  return { what: `scale of ${target.id} by 10^${power}`, points: wrong, names: ({ remedies }) => remedies.some(({ scale }) => { const told = scale?.get(target.id); return told !== undefined && Math.abs(told / target.scale - 1) < 1e-6 }) }
}

/** Words that are the same both ways round cannot be told apart. */
const changes = (point: ModbusPoint, bytes: Buffer): boolean => {
  const [a, b] = (['big', 'little'] as const).map((wordOrder) => decodePoint({ ...point.address, wordOrder }, bytes, point.address.register))
  return JSON.stringify(a) !== JSON.stringify(b)
}
