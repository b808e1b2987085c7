import type { Label, Value } from '../../../gateway/contract/index.ts'
import { planReads, type ModbusPoint } from '../plan.ts'
import { isBitTable, widthOf } from '../registers.ts'
import { decodePoint } from '../values.ts'
import type { DeviceReader } from './device-reader.ts'
import { evidenceOf, evidenceOfAnswer, evidenceOfMatch, evidenceOfRange, scoreOf } from './evidence.ts'
import type { IdentifyCheck } from './identify.ts'
import { judgeMeter } from './physics.ts'

/** A model of the device library, as far as a scan needs it. */
export interface ScanProfile {
  readonly name: string
  readonly label: Label
  readonly points: readonly ModbusPoint[]
  readonly maxRegisters: number
  readonly maxBits: number
  readonly identify: readonly IdentifyCheck[]
}

/** How well a device fits a model, and why. */
export interface Candidate {
  readonly profile: string
  readonly label: Label
  /** 0 to 100. */
  readonly score: number
  /** A register (or object) that tells this model from others holds what it should. */
  readonly named: boolean
  /** A value cannot be, or the values do not go together: another model that has the same registers. */
  readonly contradicted: boolean
  readonly why: readonly string[]
  readonly against: readonly string[]
}

export interface Fingerprint { readonly identified: Candidate | null; /** The best first; all below `identified` or instead of it. */ readonly candidates: readonly Candidate[] }

/** Below this nothing is proposed as identified. */
export const leastScore = 80
/** Two models that fit almost equally well are not told apart; in bits. */
const closeBits = 6
/** So many of a model's points may be missing in a firmware. */
const mayMiss = 0.1
const shownCandidates = 3
/** A lone "1" where the unit id 1 should be says nearly nothing. */
const leastNaming = 3

interface Weighed { readonly candidate: Omit<Candidate, 'score'>; readonly bits: number; readonly places: number }

/**
 * Holds a device against every model of the library. A model is identified when (1) a register that tells it from others says so, (2) all
 * evidence together reaches the least score, and (3) no other model comes near. Plausible values alone identify nothing: every
 * three-phase meter has 230 V somewhere. Reads only.
 */
export async function fingerprint(reader: DeviceReader, library: readonly ScanProfile[], line: { readonly baudRate: number | null; readonly identification: ReadonlyMap<number, string> | null }): Promise<Fingerprint> {
  const weighed: Weighed[] = []
  for (const profile of library) {
    const found = await weigh(reader, profile, line)
    if (found) weighed.push(found)
  }
  const perPlace = evidenceOfAnswer(reader.answered, reader.asked)
  const scored = weighed.map(({ candidate, bits, places }) => ({ candidate: rated(candidate, bits + places * perPlace), bits: bits + places * perPlace })).toSorted((a, b) => b.bits - a.bits)
  const [best, ...others] = scored.filter(({ candidate }) => candidate.named)
  const clear = best !== undefined && best.candidate.score >= leastScore && others.every(({ bits }) => best.bits - bits >= closeBits)
  const rest = scored.filter(({ candidate }) => candidate.score > 0 && candidate !== (clear ? best.candidate : null)).map(({ candidate }) => candidate)
  return { identified: clear ? best.candidate : null, candidates: rest.slice(0, shownCandidates) }
}

/** Values that fit are no name, and a name beside values that cannot be is another's: then the score stays below what identifies. */
function rated(candidate: Weighed['candidate'], bits: number): Candidate {
  const { named, contradicted, against } = candidate
  if (named && !contradicted) return { ...candidate, score: scoreOf(bits) }
  return { ...candidate, score: Math.min(leastScore - 1, scoreOf(bits)), against: named ? against : [...against, 'nothing in it names the model'] }
}

/** Null: it is certainly not this model. */
async function weigh(reader: DeviceReader, profile: ScanProfile, line: { readonly baudRate: number | null; readonly identification: ReadonlyMap<number, string> | null }): Promise<Weighed | null> {
  const why: string[] = []
  const against: string[] = []
  let bits = 0
  let named = false
  let contradicted = false
  const places = new Set<string>()
  for (const check of profile.identify) {
    const expected = expectedOf(check, reader.unit, line.baudRate)
    if (expected === null) continue
    const held = await heldBy(reader, check, line.identification)
    if (held === null) continue
    if (check.object === undefined) places.add(`${check.table}/${check.register}`)
    const within = check.between !== undefined && typeof held === 'number' && held >= check.between[0] && held <= check.between[1]
    const match = within ? held : expected.find((value) => agrees(check, value, held))
    if (match === undefined) {
      if (check.excludes) return null
      against.push(`${check.what} is ${shown(held)}, not ${expected.map(shown).join(' or ')}`)
      continue
    }
    const tells = within ? evidenceOfRange(check.between![0], check.between![1], check.format) : evidenceOfMatch(match, check.format.startsWith('f') && typeof held === 'number') - evidenceOfChoice(check, expected)
    bits += tells
    named ||= !check.family && tells >= leastNaming
    why.push(`${check.what} (${check.object === undefined ? `${check.table} ${check.register}` : `object ${check.object}`}) is ${shown(held)}`)
  }
  const values = await readValues(reader, profile)
  if (!values) return null
  for (const place of values.places) places.add(place)
  for (const { point, raw } of values.read) {
    const { bits: tells, text } = evidenceOf(point, raw)
    bits += tells
    contradicted ||= tells < 0
    if (text !== undefined) (tells < 0 ? against : why).push(text)
  }
  if (values.missing > 0) { bits -= values.missing * 3; against.push(`${values.missing} of its ${profile.points.length} points ${values.missing === 1 ? 'is' : 'are'} refused`) }
  const once = judge(values)
  // A load that changed between two reads breaks the law once, a wrong map always.
  const again = once.agrees === false ? await readValues(reader.anew(), profile) : null
  const { agrees: together, text } = again ? judge(again) : once
  if (together !== null) { bits += together ? 5 : -8; contradicted ||= !together; (together ? why : against).push(text) }
  return { candidate: { profile: profile.name, label: profile.label, named, contradicted, why, against }, bits, places: places.size }
}

const judge = ({ read }: Values) => judgeMeter(read.map(({ point, raw }) => ({ point, value: typeof raw === 'number' ? raw * point.scale + point.offset : null })))

/** What a register would have to hold; null where the scan does not know it. */
function expectedOf({ equals, begins, between, is, codes }: IdentifyCheck, unit: number, baudRate: number | null): readonly (number | string)[] | null {
  if (equals) return equals
  if (begins !== undefined) return [begins]
  if (between) return [between.join(' to ')]
  if (is === 'unit-id') return [unit]
  // Behind a gateway to a serial line: nobody tells its rate, and yet the register holds one of few.
  if (baudRate === null) return codes ? null : usualRates
  const code = codes ? codes[String(baudRate)] : baudRate
  return code === undefined ? null : [code]
}

const usualRates = [9_600, 2_400, 4_800, 14_400, 19_200, 38_400, 57_600, 115_200]
/** What it costs that one of several would do as well. */
const evidenceOfChoice = ({ is }: IdentifyCheck, expected: readonly unknown[]): number => (is === 'baud-rate' ? Math.log2(expected.length) : 0)

function agrees({ begins }: IdentifyCheck, expected: number | string, held: number | string): boolean {
  if (typeof expected === 'number') return held === expected
  const [text, wanted] = [String(held).trim().toLowerCase(), expected.toLowerCase()]
  return begins === undefined ? text === wanted : text.startsWith(wanted)
}

/** What is there; null when the device refuses it. */
async function heldBy(reader: DeviceReader, check: IdentifyCheck, identification: ReadonlyMap<number, string> | null): Promise<number | string | null> {
  if (check.object !== undefined) return identification?.get(check.object) ?? null
  const address = { table: check.table!, register: check.register!, format: check.format, wordOrder: check.wordOrder, byteSwap: false, ...(check.length === undefined ? {} : { length: check.length }) }
  const answer = await reader.read(address.table, address.register, widthOf(address))
  if ('refused' in answer) return null
  const decoded = decodePoint(address, answer.data, address.register)
  return 'value' in decoded && typeof decoded.value !== 'boolean' ? decoded.value : null
}

interface Values { readonly read: readonly { readonly point: ModbusPoint; readonly raw: Value }[]; readonly missing: number; /** Reads that were answered. */ readonly places: readonly string[] }

/** Every point of the model as the device holds it; null as soon as it is clear that too many are not there. */
export async function readValues(reader: DeviceReader, { points, maxRegisters, maxBits }: Pick<ScanProfile, 'points' | 'maxRegisters' | 'maxBits'>, tolerate = mayMiss): Promise<Values | null> {
  const most = Math.floor(points.length * tolerate)
  const read: { point: ModbusPoint; raw: Value }[] = []
  const places: string[] = []
  let missing = 0
  // The pace is nothing to a scan: neighbours share a read whatever it is.
  for (const { table, start, count, points: some } of planReads(points.map((point) => ({ ...point, pollMs: 0 })), { maxRegisters, maxBits, gap: { registers: 0, bits: 0 } })) {
    const whole = await reader.read(table, start, count)
    const parts = 'data' in whole || some.length === 1 ? [{ answer: whole, start, points: some }] : await singly(reader, some)
    for (const { answer, start: from, points: those } of parts) {
      if ('refused' in answer) { missing += those.length; continue }
      places.push(`${table}/${from}`)
      for (const point of those) {
        const decoded = decodePoint(point.address, answer.data, from)
        if ('value' in decoded) read.push({ point, raw: decoded.value })
      }
    }
    if (missing > most) return null
  }
  return { read, missing, places }
}

/** A read that was refused as a whole: is it the whole, or one register in it? The first one tells for all. */
async function singly(reader: DeviceReader, points: readonly ModbusPoint[]) {
  const parts: { answer: Awaited<ReturnType<DeviceReader['read']>>; start: number; points: readonly ModbusPoint[] }[] = []
  for (const [index, point] of points.entries()) {
    const { table, register } = point.address
    const answer = await reader.read(table, register, isBitTable(table) ? 1 : widthOf(point.address))
    if (index === 0 && 'refused' in answer) return [{ answer, start: register, points }]
    parts.push({ answer, start: register, points: [point] })
  }
  return parts
}

/** A stranger's text: printable, and not long. */
const shown = (value: number | string): string => (typeof value === 'string' ? `"${value.replace(/[^\x20-\x7e]/g, '?').trim().slice(0, 40)}"` : Number.isInteger(value) && value > 9 ? `${value} (0x${value.toString(16).toUpperCase()})` : String(value))
