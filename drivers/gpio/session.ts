import type { DriverKit, Intake, Json, Sample, Session, Value } from '../../gateway/contract/index.ts'
import { BoundedQueue, DriverError } from '../../gateway/kit/index.ts'
import { Counter, parseRecord, recordKey, type CountRecord } from './count.ts'
import { Debouncer, type Level } from './debounce.ts'
import { Outputs } from './outputs.ts'
import type { OpenParts, PinEvents, Pins } from './pins.ts'
import { debounceOf, pointsOf } from './points.ts'
import type { GpioAddress, GpioConfig, GpioPoint } from './settings.ts'
import { kernelNow } from './stamps.ts'

/** A counter is told at most this often; its total is exact at any time. */
const tellMs = 1_000
/** Intakes between driver and pipeline. The consumer does not wait for storage, so more than this is a fault. */
const queueLimit = 10_000

interface Input { readonly point: GpioPoint; readonly contact: Debouncer | null; readonly counter: Counter | null; cancel: () => void; toldAt: number; told: number; edges: number; corrected: number; floods: number }

/** A connection that is opened again at once would recall a total that is still on its way to the disk: within one life this is newer. */
const totals = new WeakMap<DriverKit, Map<string, CountRecord>>()

/** One opened connection: what the lines do becomes samples. The back end knows the kernel, this knows points. */
export class GpioSession implements Session<GpioAddress> {
  readonly #config: GpioConfig
  readonly #kit: DriverKit
  readonly #queue = new BoundedQueue<Intake>(queueLimit)
  readonly #inputs = new Map<string, Input>()
  #outputs: Outputs | null = null
  #pins: Pins | null = null
  #ready = false

  constructor(config: GpioConfig, kit: DriverKit) { this.#config = config; this.#kit = kit }

  /** Throws DriverError; nothing stays open then. */
  async open(openPins: (parts: OpenParts) => Promise<Pins>, signal: AbortSignal): Promise<void> {
    const records = await this.#recall()
    const pins = this.#pins = await openPins({ config: this.#config, kit: this.#kit, records, events: this.#events(), signal })
    this.#outputs = new Outputs(pins, this.#kit.clock, (point, on) => this.#tell({ samples: [sample(point, on, this.#kit.clock.now())] }))
    const at = this.#kit.clock.now()
    for (const point of pointsOf(this.#config)) if (point.address.direction === 'in') this.#inputs.set(point.id, this.#input(point, pins, records, at))
    await pins.listen()
    this.#first(at)
  }

  async *intake(signal: AbortSignal): AsyncGenerator<Intake, void, void> {
    const aborted = (): void => this.#queue.close()
    signal.addEventListener('abort', aborted, { once: true })
    try {
      yield* this.#queue
      await this.#close()
      // What was counted since it was last told goes into the same journal before it closes.
      const last = [...this.#inputs.values()].filter(({ counter, told }) => counter && counter.total !== told)
      if (last.length > 0) yield this.#counted(last)
    } finally { signal.removeEventListener('abort', aborted) }
  }

  async write(point: GpioPoint, raw: Value, signal: AbortSignal): Promise<void> {
    if (point.address.direction === 'in') throw new DriverError('POINT_NOT_WRITABLE', `${point.id} is an input; set direction: out`)
    if (typeof raw !== 'boolean' && raw !== 0 && raw !== 1) throw new DriverError('POINT_VALUE', `${point.id}: a line is on or off, not "${String(raw)}"`)
    if (!this.#outputs || !pointsOf(this.#config).some(({ id }) => id === point.id)) throw new DriverError('POINT_UNKNOWN', `${point.id} is not on connection ${this.#config.id}`)
    await this.#outputs.write(point, raw === true || raw === 1, signal)
  }

  statistics(): Readonly<Record<string, number>> {
    return Object.values(this.deviceStatistics()).reduce((sum, each) => Object.fromEntries(Object.entries(each).map(([key, value]) => [key, value + (sum[key] ?? 0)])), { edges: 0, debounced: 0, lost: 0, counted: 0, pulses: 0 })
  }

  deviceStatistics(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries(this.#config.devices.map(({ id, points }) => {
      const inputs = points.flatMap((point) => this.#inputs.get(point.id) ?? [])
      const sum = (of: (input: Input) => number): number => inputs.reduce((total, input) => total + of(input), 0)
      return [id, {
        edges: sum(({ edges }) => edges), debounced: sum(({ contact, counter }) => (contact ?? counter)!.debounced),
        lost: sum(({ contact, counter, corrected, floods }) => (contact ?? counter)!.lost + corrected + floods), counted: sum(({ counter }) => counter?.counted ?? 0),
        pulses: points.reduce((total, point) => total + (this.#outputs?.pulses(point.id) ?? 0), 0),
      }]
    }))
  }

  findings() {
    return [...this.#inputs.values()].filter(({ floods }) => floods > 0).map(({ point }) => ({
      code: 'GPIO_FLOOD', deviceId: point.deviceId,
      text: `${point.id}: its lines change thousands of times a second, and edges were lost; look for an open input without a pull resistor, or a cable beside mains`,
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
    this.#queue.close()
  }

  async #close(): Promise<void> {
    for (const input of this.#inputs.values()) input.cancel()
    await this.#pins?.[Symbol.asyncDispose]()
    const ours = totals.get(this.#kit) ?? new Map<string, CountRecord>()
    totals.set(this.#kit, ours)
    for (const { point, counter, cancel } of this.#inputs.values()) {
      cancel()
      if (counter) ours.set(recordKey(point.id), counter.record())
    }
  }

  #events(): PinEvents {
    const of = (point: GpioPoint): Input => this.#inputs.get(point.id)!
    return {
      edge: (point, edge, place) => {
        const input = of(point)
        input.edges++
        if (input.counter) input.counter.edge(edge, place)
        this.#believe(input, input.contact?.edge(edge) ?? [])
      },
      place: (point, place) => of(point).counter?.moveTo(place),
      level: (point, level) => {
        const input = of(point)
        // Beside a spool the level is nobody's: every edge is in the file.
        const contact = input.contact ?? (this.#pins?.backend === 'sysfs' ? input.counter : null)
        if (!contact || contact.raw === level.level) return
        if (input.counter) input.counter.edge(level)
        this.#believe(input, input.contact?.edge(level) ?? [])
        input.corrected++
      },
      dropped: (point) => this.#outputs?.dropped(point),
      flooded: (points) => { for (const point of points) of(point).floods++ },
      failed: (error) => this.#queue.fail(error),
    }
  }

  #input(point: GpioPoint, pins: Pins, records: ReadonlyMap<string, CountRecord>, at: number): Input {
    const level = pins.levels.get(point.id) ?? false
    const counter = point.address.count ? new Counter(point.address, { record: records.get(recordKey(point.id)), level, everyEdge: pins.everyEdge(point), at }) : null
    return { point, counter, contact: counter ? null : new Debouncer(level, debounceOf(point.address)), cancel: () => {}, toldAt: -Infinity, told: counter?.total ?? 0, edges: 0, corrected: 0, floods: 0 }
  }

  async #recall(): Promise<ReadonlyMap<string, CountRecord>> {
    const records = new Map<string, CountRecord>()
    for (const { id, address } of pointsOf(this.#config)) {
      if (!address.count) continue
      const key = recordKey(id)
      const ours = totals.get(this.#kit)?.get(key)
      if (ours) { records.set(key, ours); continue }
      const stored = await this.#kit.recall(key)
      const record = parseRecord(stored)
      if (stored !== undefined && !record) this.#kit.log.warn({ point: id }, `${id}: the stored total cannot be read; counting begins at ${address.initial ?? 0}`)
      if (record) records.set(key, record)
    }
    return records
  }

  /** Every point's value, as it was when the lines were opened and the spools read. */
  #first(at: number): void {
    const samples = pointsOf(this.#config).map((point) => {
      const input = this.#inputs.get(point.id)
      if (!input) return sample(point, point.address.safe ?? false, at)
      // Pulses that came while no gateway ran have their own time.
      return input.counter ? sample(point, input.counter.total, input.counter.at) : sample(point, input.contact!.stable, at)
    })
    const counters = [...this.#inputs.values()].filter(({ counter }) => counter)
    for (const input of counters) { input.told = input.counter!.total; input.toldAt = this.#kit.clock.monotonic() }
    this.#ready = true
    this.#tell({ samples, devices: this.#config.devices.map(({ id }) => ({ deviceId: id, state: 'online', at })), ...remembering(counters) })
    for (const input of this.#inputs.values()) this.#believe(input, [])
  }

  /** Tells what is certain, and comes back when more will be. */
  #believe(input: Input, changes: readonly Level[]): void {
    input.cancel()
    input.cancel = () => {}
    if (!this.#ready) return
    const { clock } = this.#kit
    if (changes.length > 0) this.#tell({ samples: changes.map(({ level, at }) => sample(input.point, level, at)) })
    const { contact, counter } = input
    const changed = counter !== null && counter.total !== input.told
    const tellIn = changed ? input.toldAt + tellMs - clock.monotonic() : Infinity
    if (tellIn <= 0) { this.#tell(this.#counted([input])); return this.#believe(input, []) }
    const dueAt = (contact ?? counter)!.dueAt
    const wait = Math.min(tellIn, dueAt === null ? Infinity : dueAt - kernelNow())
    if (wait === Infinity) return
    // After a stall the timer is served before the pipe: edges that wait there are heard first.
    input.cancel = clock.after(wait, () => { const turn = setImmediate(() => this.#settle(input)); input.cancel = () => clearImmediate(turn) })
  }

  #settle(input: Input): void {
    const now = kernelNow()
    input.counter?.settle(now)
    this.#believe(input, input.contact?.settle(now) ?? [])
  }

  #counted(inputs: readonly Input[]): Intake {
    for (const input of inputs) { input.told = input.counter!.total; input.toldAt = this.#kit.clock.monotonic() }
    return { samples: inputs.map(({ point, counter }) => sample(point, counter!.total, counter!.at)), ...remembering(inputs) }
  }

  #tell(intake: Intake): void {
    if (!this.#queue.push(intake)) this.#queue.fail(new DriverError('GPIO_LOST', `connection ${this.#config.id}: ${queueLimit} changes wait to be taken; the connection is opened again`, { retriable: true }))
  }
}

const sample = ({ id }: GpioPoint, raw: Value, at: number): Sample => ({ pointId: id, raw, at, quality: 'good' })

const remembering = (inputs: readonly Input[]): Pick<Intake, 'remember'> => (inputs.length === 0 ? {} : {
  remember: Object.fromEntries(inputs.map(({ point, counter }) => [recordKey(point.id), counter!.record() as unknown as Json])),
})
