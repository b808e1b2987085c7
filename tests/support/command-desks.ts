import { cp } from 'node:fs/promises'
import { onTestFinished } from 'vitest'
import type { ActAnswer, AlertAct, CommandResult, GatewayEvent, Journal, PointConfig, Reading, TimeQuality, Value } from '../../gateway/contract/index.ts'
import { FakeClock, silentLog, systemClock, systemRandom } from '../../gateway/kit/index.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { CommandDesk, type Submission } from '../../cloud-sync/commands/desk.ts'
import { commandsSchema } from '../../cloud-sync/commands/schema.ts'
import { point } from './points.ts'
import { tempFolder } from './resources.ts'

export const actor = 'ioc/duty'

/** A door with a lock and a contact, as the ports see it. The test decides what the lock and the contact do. */
export class Door {
  readonly writes: { readonly point: string; readonly value: Value; readonly at: number }[] = []
  readonly clock: FakeClock
  /** What a write does; default: it succeeds at once. */
  onWrite: (value: Value, signal: AbortSignal) => Promise<void> = async () => {}
  #readings = new Map<string, Reading>()
  #listeners = new Set<(reading: Reading) => void>()
  readonly points: readonly PointConfig[] = [
    point({ id: 'door.unlock', type: 'boolean', writable: true, cityWrite: true, effect: { point: 'door.open', equals: true, withinMs: 5_000, when: true } }),
    point({ id: 'door.lamp', type: 'boolean', writable: true, cityWrite: true }),
    point({ id: 'door.level', type: 'number', writable: true, cityWrite: true, min: 0, max: 100 }),
    point({ id: 'door.private', type: 'boolean', writable: true }),
    point({ id: 'door.fixed', type: 'boolean', cityWrite: true }),
    point({ id: 'door.open', type: 'boolean' }),
  ]
  constructor(clock: FakeClock) { this.clock = clock }
  contact(value: boolean | null): void {
    const reading: Reading = { pointId: 'door.open', value, at: this.clock.now(), receivedAt: this.clock.now(), quality: value === null ? 'bad' : 'good' }
    this.#readings.set(reading.pointId, reading)
    for (const listener of this.#listeners) listener(reading)
  }
  readonly reader = { read: (id: string) => this.#readings.get(id) }
  readonly writer = {
    write: async (id: string, value: Value, signal: AbortSignal): Promise<void> => {
      this.writes.push({ point: id, value, at: this.clock.now() })
      await this.onWrite(value, signal)
    },
  }
  onReading = (listener: (reading: Reading) => void): (() => void) => { this.#listeners.add(listener); return () => this.#listeners.delete(listener) }
  get watched(): number { return this.#listeners.size }
}

export interface DeskBench {
  readonly clock: FakeClock
  readonly door: Door
  readonly journal: Journal
  readonly desk: CommandDesk
  readonly events: GatewayEvent[]
  readonly folder: string
  quality: TimeQuality
  /** Sends a request and gathers its answers; times are relative to the clock's now. */
  send(request: object, options?: Partial<Submission>): CommandResult[]
}

let journals = 0

/** The real desk over a real journal; time is the test's. `folder`: of a life before. */
export async function deskBench(options: { readonly folder?: string; readonly config?: object; readonly clock?: FakeClock; readonly act?: (act: AlertAct, now: number) => ActAnswer } = {}): Promise<DeskBench> {
  const clock = options.clock ?? new FakeClock()
  const door = new Door(clock)
  const folder = options.folder ?? await tempFolder()
  const journal = await openJournal({
    folder, encoder: createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' }), clock: systemClock, random: systemRandom,
    log: silentLog(), commitMs: 5, maxBytes: 1 << 30,
  })
  const events: GatewayEvent[] = []
  const bench: { quality: TimeQuality } = { quality: 'synced' }
  const desk = await CommandDesk.open({
    clock, log: silentLog(), writer: door.writer, reader: door.reader, state: journal.state, onReading: door.onReading, ...(options.act ? { act: options.act } : {}),
    point: (id) => door.points.find((one) => one.id === id), timeQuality: () => bench.quality,
    record: async (told, state) => { await journal.commit({ events: told, state, urgent: true }); events.push(...told) },
  })
  onTestFinished(async () => { void desk[Symbol.asyncDispose](); await journal[Symbol.asyncDispose]() })
  const config = commandsSchema.parse({ actors: [actor], ...options.config })
  return Object.assign(bench, {
    clock, door, journal, desk, events, folder,
    send(request: object, more: Partial<Submission> = {}) {
      const answers: CommandResult[] = []
      desk.submit({ uplink: 'city', config, payload: Buffer.from(JSON.stringify(request)), retained: false, answer: (result) => { answers.push(result) }, ...more })
      return answers
    },
  })
}

let numbers = 0
/** A sound request to switch the lamp on, issued now. */
export const request = (clock: FakeClock, overrides: object = {}): object => ({
  id: `c-${++numbers}`, idempotencykey: `k-${numbers}`, actor, issuedat: new Date(clock.now()).toISOString(), point: 'door.lamp', value: true, ...overrides,
})
export const later = (clock: FakeClock, ms: number): string => new Date(clock.now() + ms).toISOString()

/** The disk as a kill -9 would leave it now. */
export async function diskOf(folder: string): Promise<string> {
  const copy = `${await tempFolder()}/${++journals}`
  await cp(folder, copy, { recursive: true })
  return copy
}

export const states = (answers: readonly CommandResult[]): string[] => answers.map(({ state }) => state)
