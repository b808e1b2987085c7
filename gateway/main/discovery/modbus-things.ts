import type { FoundDevice } from '../../../drivers/modbus/scan/events.ts'
import type { ScanProfile } from '../../../drivers/modbus/scan/fingerprint.ts'
import { readTest, type ReadTest } from '../../../drivers/modbus/scan/read-test.ts'
import type { ModbusConnection } from '../../../drivers/modbus/settings.ts'
import type { DiscoveredDevice } from '../../console/discovery.ts'
import type { Site } from '../../cli/rooms.ts'
import { ConfigError } from '../../kit/index.ts'
import type { Draft } from './draft.ts'
import { openPlace, patientMs, scanModbus } from './lines.ts'
import { addModbus, whereOf } from './propose.ts'
import type { Search, Thing } from './thing.ts'

export interface SweepOrder { readonly kind: 'rtu' | 'tcp'; readonly target: string; readonly units: { readonly first: number; readonly last: number } }

/** Throws DriverError SCAN_RANGE, SCAN_OTHER_MASTER, MODBUS_PORT, …; ConfigError SCAN_LINE_IN_USE. */
export async function sweep(search: Search, order: SweepOrder, library: readonly ScanProfile[], site: Pick<Site, 'connections'>): Promise<void> {
  // Whoever the gateway polls already is left alone: many devices take one connection only.
  const users = site.connections.flatMap(({ id, driver, settings }) => { const { host } = settings as Partial<ModbusConnection>; return driver === 'modbus' && host ? [{ id, host, port: (settings as ModbusConnection).port }] : [] })
  for await (const event of scanModbus({ ...order, users }, library, search.signal)) {
    if (event.kind === 'progress') Object.assign(search, { share: event.share, leftMs: event.leftMs, at: event.text })
    else if (event.kind === 'found') search.add(`${whereOf(event.device.place)} ${event.device.unitId} ${JSON.stringify(event.device.place)}`, new ModbusThing(event.device, library))
    else if (event.kind === 'warning') search.warnings.push({ code: event.code, text: event.text })
  }
}

class ModbusThing implements Thing {
  readonly #device: FoundDevice
  readonly #library: readonly ScanProfile[]
  #test: ReadTest | null = null
  constructor(device: FoundDevice, library: readonly ScanProfile[]) { this.#device = device; this.#library = library }

  view(): Omit<DiscoveredDevice, 'id'> {
    const { identified, candidates: [best], place, unitId, duplicate, answers, says } = this.#device
    return {
      kind: 'modbus', where: whereOf(place), setting: place.transport === 'rtu' ? `${place.setting.baudRate} 8${place.setting.parity[0]!.toUpperCase()}${place.setting.stopBits}` : null, unitId, duplicate, answers, says,
      model: identified ? { profile: identified.profile, name: identified.label, score: identified.score, why: identified.why } : null,
      like: !identified && best ? { profile: best.profile, name: best.label, score: best.score, against: best.against } : null,
      values: this.#test?.points ?? null, finding: this.#test?.finding?.text ?? null, known: null, offers: [], certificate: null, nodes: null,
    }
  }

  async read(): Promise<void> {
    const profile = this.#library.find(({ name }) => name === this.#device.identified?.profile)
    if (!profile) throw new ConfigError('SCAN_TARGET', 'only a device that was identified can be read by its points')
    await using line = await openPlace(this.#device.place)
    this.#test = await readTest(line, this.#device.unitId, profile, patientMs)
  }

  unread(): string | null {
    const { identified, unitId } = this.#device
    return !identified || this.#test?.points.some(({ value }) => value !== null) ? null : `unit ${unitId} was not read yet; read it and compare with its display before it is saved`
  }

  add(draft: Draft, key: string): void { addModbus(draft, this.#device, key) }
}
