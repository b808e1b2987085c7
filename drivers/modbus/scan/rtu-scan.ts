import type { Clock } from '../../../gateway/contract/index.ts'
import { codeOf, DriverError } from '../../../gateway/kit/index.ts'
import { foreignFrame } from '../rtu.ts'
import { wireOf } from '../wire.ts'
import { nameOfSetting, type Place, type ScanEvent, type SerialSetting } from './events.ts'
import type { ScanProfile } from './fingerprint.ts'
import { examine, lookAt, type Look } from './look.ts'
import type { ScanLine } from './scan-line.ts'

export interface RtuScanOptions {
  /** In this order; what most devices have ex works goes first ({@link commonSettings}). */
  readonly settings: readonly SerialSetting[]
  readonly units: { readonly first: number; readonly last: number }
  readonly timeoutMs: number
  readonly library: readonly ScanProfile[]
  /** Also the settings after the first at which somebody answers. */
  readonly everySetting: boolean
  /** Go on although somebody else speaks on the line. */
  readonly despiteMaster: boolean
  /** So long the line is listened to before the first request; a master asks at least once a second or two. */
  readonly listenMs?: number
  /** Throws DriverError MODBUS_PORT for a setting the port does not take. */
  open(setting: SerialSetting): Promise<ScanLine>
  readonly placeOf: (setting: SerialSetting) => Place
  /** The line's rate where it is known, for registers that hold it; null behind a serial server. */
  readonly baudOf: (setting: SerialSetting) => number | null
  readonly clock: Clock
}

const rates = [9_600, 19_200, 4_800, 2_400, 38_400, 115_200, 57_600, 1_200]
/** 9600 8N1 and its kin, then the rest: about how often they are met in buildings. */
export const commonSettings: readonly SerialSetting[] = rates.flatMap((baudRate): readonly SerialSetting[] => [{ baudRate, parity: 'none', stopBits: 1 }, { baudRate, parity: 'even', stopBits: 1 }])
  .concat(rates.slice(0, 3).flatMap((baudRate): readonly SerialSetting[] => [{ baudRate, parity: 'odd', stopBits: 1 }, { baudRate, parity: 'none', stopBits: 2 }]))

/** Most devices have one of the first addresses. */
const usualUnits = 16
const listenFirstMs = 1_500
const listenAgainMs = 150
const requestBytes = 8
/** A device that answers late gets so many times the time. */
const patience = 5
const fewDamaged = 2

/**
 * Sweeps one serial line: every setting with the first addresses, and where somebody answers, all addresses there. Devices are examined as
 * they are found, so that a scan that is stopped has something to show. Reads only. Ends with `done`; stops with DriverError
 * SCAN_OTHER_MASTER, MODBUS_PORT or MODBUS_CLOSED. Aborting `signal` ends it after the request in the air.
 */
export async function* scanRtu(options: RtuScanOptions, signal: AbortSignal): AsyncGenerator<ScanEvent> {
  const sweep = new Sweep(options, signal)
  try {
    yield* sweep.run()
  } finally {
    await sweep.close()
  }
}

class Sweep {
  readonly #options: RtuScanOptions
  readonly #signal: AbortSignal
  readonly #began: number
  readonly #found = new Set<number>()
  #line: ScanLine | null = null
  #busMs = 0
  #requests = 0
  /** What is still to come, in ms, as far as it is planned. */
  #leftMs = 0
  #listened = false
  readonly #refused: string[] = []
  readonly #damaged: string[] = []

  constructor(options: RtuScanOptions, signal: AbortSignal) { this.#options = options; this.#signal = signal; this.#began = options.clock.monotonic() }

  async *run(): AsyncGenerator<ScanEvent> {
    const { settings, units, everySetting } = this.#options
    const quick = { first: units.first, last: Math.min(units.last, Math.max(units.first, usualUnits)) }
    this.#leftMs = settings.reduce((sum, setting) => sum + this.#costMs(setting, quick), 0)
    const hits: SerialSetting[] = []
    for (const setting of settings) {
      if (this.#signal.aborted) break
      if (!await this.#tune(setting)) continue
      const before = this.#found.size
      yield* this.#pass(setting, quick, 'holding')
      if (this.#found.size > before) {
        hits.push(setting)
        yield* this.#whole(setting, quick.last)
        if (!everySetting) break
      }
    }
    if (hits.length === 0 && !this.#signal.aborted) {
      // Nobody among the first addresses: the rest of them, setting by setting.
      this.#leftMs = settings.reduce((sum, setting) => sum + this.#costMs(setting, units) * 2, 0)
      for (const setting of settings) {
        if (this.#signal.aborted) break
        if (!await this.#tune(setting)) continue
        const before = this.#found.size
        yield* this.#whole(setting, quick.last)
        if (this.#found.size > before) { hits.push(setting); if (!everySetting) break }
      }
    }
    yield* this.#close(hits)
  }

  async close(): Promise<void> {
    const line = this.#line
    this.#line = null
    if (!line) return
    this.#busMs += line.busMs
    this.#requests += line.requests
    await line[Symbol.asyncDispose]()
  }

  async *#close(hits: readonly SerialSetting[]): AsyncGenerator<ScanEvent> {
    await this.close()
    const { settings, everySetting } = this.#options
    if (this.#refused.length > 0) yield { kind: 'warning', code: 'SCAN_SETTING_REFUSED', text: `the port does not take ${this.#refused.join(', ')}; these were not tried` }
    if (this.#found.size === 0 && this.#damaged.length > 0) yield { kind: 'warning', code: 'BUS_WRONG_PARAMETERS', text: `something answers at ${this.#damaged.join(', ')} and nothing of it can be read: A and B may be swapped, or the devices have a rate that was not tried` }
    const tried = hits.length > 0 && !everySetting && settings.length > 1 ? `; other settings were not tried after ${hits.map(nameOfSetting).join(', ')} (--every-setting does)` : ''
    yield { kind: 'done', busMs: Math.round(this.#busMs), requests: this.#requests, text: this.#signal.aborted ? 'stopped; this is what was found so far' : `${this.#found.size} found${tried}` }
  }

  /** False: the port does not take this setting. The first one must be taken, or the port itself is the trouble. */
  async #tune(setting: SerialSetting): Promise<boolean> {
    await this.close()
    try {
      this.#line = await this.#options.open(setting)
    } catch (error) {
      if (codeOf(error) !== 'MODBUS_PORT' || !this.#listened) throw error
      this.#refused.push(nameOfSetting(setting))
      this.#leftMs -= this.#costMs(setting, this.#options.units)
      return false
    }
    let heard = await this.#line.listen(this.#listened ? listenAgainMs : this.#options.listenMs ?? listenFirstMs)
    // After the first requests it may be whom we asked, answering late; a master goes on.
    if (heard.length > 3 && this.#listened) heard = await this.#line.listen(listenFirstMs)
    this.#listened = true
    if (heard.length > 3 && !this.#options.despiteMaster) throw otherMaster(heard, setting)
    return true
  }

  async *#whole(setting: SerialSetting, known: number): AsyncGenerator<ScanEvent> {
    const { units } = this.#options
    const rest = { first: Math.min(units.last + 1, known + 1), last: units.last }
    this.#leftMs = this.#costMs(setting, rest) + this.#costMs(setting, units)
    yield* this.#pass(setting, rest, 'holding')
    // Who knows no holding register may be silent to that question, and answers to this one.
    yield* this.#pass(setting, units, 'input')
  }

  async *#pass(setting: SerialSetting, { first, last }: { readonly first: number; readonly last: number }, table: 'holding' | 'input'): AsyncGenerator<ScanEvent> {
    const { clock, timeoutMs } = this.#options
    const damaged: (readonly [unit: number, look: Look])[] = []
    for (let unit = first; unit <= last && !this.#signal.aborted; unit++) {
      this.#leftMs = Math.max(0, this.#leftMs - this.#perUnitMs(setting))
      if (this.#found.has(unit)) continue
      const elapsed = clock.monotonic() - this.#began
      yield { kind: 'progress', share: elapsed / (elapsed + this.#leftMs), leftMs: this.#leftMs, text: `${nameOfSetting(setting)} unit ${unit}` }
      const look = await lookAt(this.#line!, unit, table, timeoutMs)
      if (look.here === 'yes') yield* this.#examine(setting, unit, look, timeoutMs)
      if (look.here === 'damaged') damaged.push([unit, look])
      yield* this.#askAgain(setting, look.late, table)
    }
    // Who answers late is heard while the next one is asked; after the last one nobody is.
    if (!this.#signal.aborted) yield* this.#askAgain(setting, unitsIn(await this.#line!.listen(timeoutMs * 2)), table)
    // One address whose answers are all torn is two devices; many are a wrong rate, or a bad line.
    if (damaged.length > Math.max(fewDamaged, (last - first + 1) / 4)) { this.#damaged.push(nameOfSetting(setting)); return }
    for (const [unit, look] of damaged) if (!this.#found.has(unit)) yield* this.#examine(setting, unit, look, timeoutMs)
  }

  async *#askAgain(setting: SerialSetting, late: Iterable<number>, table: 'holding' | 'input'): AsyncGenerator<ScanEvent> {
    const timeoutMs = this.#options.timeoutMs * patience
    for (const unit of new Set(late)) {
      if (this.#found.has(unit) || this.#signal.aborted) continue
      const again = await lookAt(this.#line!, unit, table, timeoutMs)
      if (again.here === 'yes') yield* this.#examine(setting, unit, again, timeoutMs)
    }
  }

  async *#examine(setting: SerialSetting, unit: number, seen: Look, timeoutMs: number): AsyncGenerator<ScanEvent> {
    const { placeOf, baudOf, library } = this.#options
    this.#found.add(unit)
    yield { kind: 'found', device: await examine(this.#line!, { unit, place: placeOf(setting), baudRate: baudOf(setting), library, timeoutMs, seen }) }
  }

  #perUnitMs(setting: SerialSetting): number {
    const wire = wireOf({ transport: 'rtu', dataBits: 8, ...setting })
    return requestBytes * wire.charMs + wire.silenceMs + this.#options.timeoutMs
  }

  #costMs(setting: SerialSetting, { first, last }: { readonly first: number; readonly last: number }): number { return Math.max(0, last - first + 1) * this.#perUnitMs(setting) }
}

/** Whose frames these are. */
function unitsIn(heard: Buffer): ReadonlySet<number> {
  const units = new Set<number>()
  for (let at = 0; at < heard.length;) { const length = foreignFrame(heard, at); if (length > 0) units.add(heard[at]!); at += Math.max(1, length) }
  return units
}

function otherMaster(heard: Buffer, setting: SerialSetting): DriverError {
  const units = unitsIn(heard)
  const who = units.size > 0 ? `frames of unit ${[...units].join(', ')}` : `${heard.length} bytes that are no frame at ${nameOfSetting(setting)}`
  return new DriverError('SCAN_OTHER_MASTER', `without being asked ${who} came in: another master polls this line, or a device reports by itself; unplug it for the scan (a serial line has one master), or scan all the same with --despite-master`, { values: { units: [...units] } })
}
