import { codeOf } from '../../../gateway/kit/index.ts'
import { readReply, readRequest } from '../pdu.ts'
import { foreignFrame } from '../rtu.ts'
import { DeviceReader } from './device-reader.ts'
import type { FoundDevice, Place } from './events.ts'
import { fingerprint, type ScanProfile } from './fingerprint.ts'
import type { ScanLine } from './scan-line.ts'

/**
 * What one unit id brought. `gateway`: a gateway says that nobody is behind it there. `damaged`: every answer was, as when two devices with this id speak at once. `late`: other units that answered
 * meanwhile, too late for their own turn.
 */
export interface Look { readonly here: 'yes' | 'damaged' | 'no' | 'gateway'; readonly damaged: number; readonly double: number; readonly late: readonly number[] }

const tries = 3
/** A gateway's word that nobody is there (Application Protocol 1.1b3 §7). */
const nobody = new Set(['MODBUS_GATEWAY_PATH', 'MODBUS_GATEWAY_TARGET'])

/** Is there somebody? Any answer of the unit says so, a refusal as well as a value. A damaged one is asked for again. */
export async function lookAt(line: ScanLine, unit: number, table: 'holding' | 'input' | 'coil', timeoutMs: number): Promise<Look> {
  const request = readRequest(table, 0, 1)
  const late: number[] = []
  let [damaged, double] = [0, 0]
  const look = (here: Look['here']): Look => ({ here, damaged, double, late })
  for (let attempt = 0; attempt < tries; attempt++) {
    const heard = await line.ask(unit, request, timeoutMs, true)
    late.push(...heard.late)
    if (heard.kind === 'silence') return look(double > 0 ? 'yes' : damaged > 0 ? 'damaged' : 'no')
    if (heard.kind === 'damaged') damaged++
    else if (heard.kind === 'double') double++
    else return look(isNobody(request, heard.pdu!) ? 'gateway' : 'yes')
  }
  return look(double > 0 ? 'yes' : 'damaged')
}

function isNobody(request: Buffer, pdu: Buffer): boolean {
  try { readReply(request, pdu); return false } catch (error) { return nobody.has(codeOf(error)) }
}

/** On a serial line: torn, or a second answer at once or after the first one has been heard out. */
async function isOdd(line: ScanLine, unit: number, timeoutMs: number): Promise<boolean> {
  const first = await line.ask(unit, readRequest('holding', 0, 1), timeoutMs, true)
  if (first.kind === 'double' || first.kind === 'damaged') return true
  const after = await line.listen(timeoutMs)
  return after[0] === unit && foreignFrame(after, 0) > 0
}

/** Two devices are odd nearly every time; a late answer, or a glitch, is once. */
async function areTwo(line: ScanLine, unit: number, timeoutMs: number): Promise<boolean> {
  let odd = 0
  for (let turn = 0; turn < oddTurns; turn++) {
    await line.listen(timeoutMs)
    if (await isOdd(line, unit, timeoutMs * oddPatience)) odd++
  }
  return odd * 2 > oddTurns
}
const oddTurns = 3
const oddPatience = 2

const objectNames: Readonly<Record<number, string>> = { 0: 'vendor', 1: 'product code', 2: 'revision' }

/** Everything a scan wants to know of a device that answers. Reads only. Throws DriverError when the line is gone. */
export async function examine(line: ScanLine, { unit, place, baudRate, library, timeoutMs, seen }: {
  readonly unit: number; readonly place: Place; readonly baudRate: number | null; readonly library: readonly ScanProfile[]; readonly timeoutMs: number; readonly seen: Look
}): Promise<FoundDevice> {
  const reader = new DeviceReader(line, unit, timeoutMs)
  const twins: FoundDevice = { identified: null, candidates: [], place, unitId: unit, says: {}, answers: [], turnaroundMs: 0, duplicate: true }
  const serial = place.transport !== 'tcp'
  const odd = serial && (seen.here === 'damaged' || seen.double > 0 || await isOdd(line, unit, timeoutMs))
  if (odd && await areTwo(line, unit, timeoutMs)) return twins
  const identification = await reader.identification()
  const serverId = identification ? null : await reader.serverId()
  const says = { ...(identification ? Object.fromEntries([...identification].map(([id, text]) => [objectNames[id] ?? `object ${id}`, text])) : {}), ...(serverId === null ? {} : { 'server id': serverId }) }
  const found = await fingerprint(reader, library, { baudRate, identification })
  const answers = found.identified ? [] : await whatAnswers(reader)
  if (serial && (reader.double > 0 || reader.damaged > mostDamaged) && await areTwo(line, unit, timeoutMs)) return twins
  return { ...found, place, unitId: unit, says, answers, turnaroundMs: Math.round(reader.turnaroundMs), duplicate: false }
}

/** A glitch on a long line tears one answer now and then. */
const mostDamaged = 2
const mostFirst = 10
const tables = [['holding', 'FC3'], ['input', 'FC4'], ['coil', 'FC1'], ['discrete', 'FC2']] as const

/** For a device nobody knows: which of its first registers it gives. */
async function whatAnswers(reader: DeviceReader): Promise<readonly string[]> {
  const out: string[] = []
  for (const [table, name] of tables) {
    const gives = async (count: number): Promise<boolean> => 'data' in await reader.read(table, 0, count)
    // All of them, or at least one; only then how many.
    const most = await gives(mostFirst) ? mostFirst : !await gives(1) ? 0 : await gives(8) ? 8 : await gives(4) ? 4 : await gives(2) ? 2 : 1
    if (most > 0) out.push(most === 1 ? `${name} 0` : `${name} 0..${most - 1}`)
  }
  return out
}
