import { randomBytes } from 'node:crypto'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Journal, JournalReader, Stream, Verdict } from '../../gateway/contract/index.ts'
import { createSelection } from '../../gateway/selections.ts'
import { reading } from '../support/points.ts'
import { tempFolder } from '../support/resources.ts'
import { scale } from '../support/seed.ts'
import { nothingWrong, openStore, StoreCity, type Produced } from '../support/store-city.ts'

const selections = [createSelection({ id: 'energy', from: 'telemetry', points: ['meter.*'] }), createSelection({ id: 'doors', from: 'event', types: ['access'] })]
/** By name, the streams of each; nobody takes from `dead` before the end. */
const uplinks: Readonly<Record<string, readonly Stream[]>> = { city: ['alert', 'event', 'ledger', 'telemetry'], property: ['alert', 'ledger', 'energy', 'doors'], dead: ['event', 'ledger', 'telemetry'] }

const commit = fc.record({
  kind: fc.constant('commit' as const), events: fc.array(fc.constantFrom('kiosk' as const, 'access' as const, 'alert' as const), { maxLength: 4 }),
  points: fc.array(fc.constantFrom('hall.t', 'meter.power'), { maxLength: 5 }), bytes: fc.constantFrom(0, 100, 7_000), times: fc.constantFrom(1, 1, 5, 20),
})
const take = fc.record({
  kind: fc.constant('take' as const), uplink: fc.constantFrom('city', 'property'), stream: fc.nat(3), limit: fc.integer({ min: 1, max: 30 }),
  verdicts: fc.array(fc.constantFrom('acked' as const, 'acked' as const, 'silent' as const, 'rejected' as const), { maxLength: 30 }),
})
const others = fc.constantFrom({ kind: 'drain' as const }, { kind: 'restart' as const })
const steps = fc.array(fc.oneof({ weight: 4, arbitrary: commit }, { weight: 4, arbitrary: take }, { weight: 1, arbitrary: others }), { maxLength: 40 })
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never

interface Quotas { readonly maxBytes: number; readonly shares: Readonly<Record<Stream, number>> }

/** One store through many lives, with everything a test knows of it. */
class Run {
  readonly #folder: string
  readonly #options: Quotas
  readonly produced: Produced[] = []
  readonly cities = new Map(Object.entries(uplinks).map(([reader, streams]) => [reader, new StoreCity({ reader, streams, complete: true })]))
  readonly #refused = new Set<string>()
  #journal!: Journal
  #readers = new Map<string, JournalReader>()
  #n = 0

  constructor(folder: string, options: Quotas) { this.#folder = folder; this.#options = options }

  async open(): Promise<void> {
    this.#journal = await openStore(this.#folder, { ...this.#options, selections })
    for (const [name, streams] of Object.entries(uplinks)) this.#readers.set(name, await this.#journal.reader(name, { from: 'start', streams }))
  }
  close(): Promise<void> { return Promise.resolve(this.#journal[Symbol.asyncDispose]()) }

  async do(step: Step): Promise<void> {
    if (step.kind === 'commit') for (let time = 0; time < step.times; time++) await this.#commit(step)
    else if (step.kind === 'take') await this.#take(step)
    else if (step.kind === 'drain') await this.drain('city')
    else { await this.close(); await this.open() }
  }

  /** What was refused is refused again, should it come again after a restart. */
  async drain(name: string): Promise<void> {
    // Twice: the taking of one stream may tell the ledger of a gap.
    for (let round = 0; round < 2; round++) for (const stream of uplinks[name]!) while (await this.#settle(name, stream, 200, () => 'acked') > 0) {}
  }

  async #commit({ events, points, bytes }: Extract<Step, { kind: 'commit' }>): Promise<void> {
    if (events.length + points.length === 0) return
    const numbers = [...events, ...points].map(() => ++this.#n)
    const before = this.#journal.heads()
    await this.#journal.commit({
      events: events.map((type, index) => ({ stream: type === 'alert' ? 'alert' : 'event', type, at: 0, data: { n: numbers[index]!, text: randomBytes(bytes).toString('base64') } })),
      readings: points.map((id, index) => reading(id, numbers[events.length + index]!)), urgent: true,
    })
    const { epoch } = this.#journal
    const note = (stream: Stream, members: readonly number[], eachAlone: boolean): void => {
      for (const [index, n] of members.entries()) this.produced.push({ n, stream, epoch, seq: before[stream]!.seq + (eachAlone ? index : 0) + 1 })
    }
    const those = (want: (type: string) => boolean): number[] => numbers.slice(0, events.length).filter((_, index) => want(events[index]!))
    note('alert', those((type) => type === 'alert'), true)
    note('event', those((type) => type !== 'alert'), true)
    note('doors', those((type) => type === 'access'), true)
    note('telemetry', numbers.slice(events.length), false)
    note('energy', numbers.slice(events.length).filter((_, index) => points[index] === 'meter.power'), false)
  }

  async #take({ uplink, stream, limit, verdicts }: Extract<Step, { kind: 'take' }>): Promise<void> {
    await this.#settle(uplink, uplinks[uplink]![stream]!, limit, (index) => verdicts[index] ?? 'silent')
  }

  /** Returns how many were taken. */
  async #settle(uplink: string, stream: Stream, limit: number, wanted: (index: number) => 'acked' | 'silent' | 'rejected'): Promise<number> {
    const reader = this.#readers.get(uplink)!
    const records = await reader.take(stream, limit)
    const verdicts = records.flatMap((record, index): Verdict[] => {
      const name = `${uplink} ${stream} ${record.epoch} ${record.seq}`
      // A refusal of the ledger cannot be told in it.
      const outcome = this.#refused.has(name) ? 'rejected' : stream === 'ledger' && wanted(index) === 'rejected' ? 'acked' : wanted(index)
      if (outcome === 'rejected') { this.#refused.add(name); return [{ record, outcome, reason: 'test' }] }
      this.cities.get(uplink)!.accept(stream, record.bytes)
      return outcome === 'acked' ? [{ record, outcome }] : []
    })
    await reader.settle(stream, verdicts)
    return records.length
  }
}

describe('law: whatever is committed, taken, refused, dropped for room and started again', () => {
  it('each uplink receives or is told of every number, in order and with its chain whole', { timeout: 60_000 * scale }, async () => {
    const reasons = new Set<string>()
    await fc.assert(fc.asyncProperty(steps, fc.constantFrom(1 << 20, 1 << 30), fc.constantFrom<Readonly<Record<Stream, number>>>({}, { telemetry: 20_000 }, { energy: 8_000, event: 200_000 }, { ledger: 12_000, telemetry: 20_000 }), async (each, maxBytes, shares) => {
      const run = new Run(path.join(await tempFolder(), 'journal'), { maxBytes, shares })
      await run.open()
      for (const step of each) await run.do(step)
      await run.do({ kind: 'restart' })
      for (const [name, city] of run.cities) {
        await run.drain(name)
        expect({ name, ...city.findings(run.produced.filter(({ stream }) => uplinks[name]!.includes(stream!))) }).toEqual({ name, ...nothingWrong })
        for (const { reason } of city.gaps) reasons.add(reason)
      }
      await run.close()
    }), { numRuns: 30 * scale, examples: [[Array.from({ length: 10 }, (): Step => ({ kind: 'commit', events: ['kiosk'], points: ['hall.t'], bytes: 7_000, times: 20 })), 1 << 20, {}]] })
    // It must have come to that; and nothing here damages a log.
    expect([...reasons].toSorted()).toEqual(['quota', 'refused'])
  })

  it('an uplink that is dead for so long that its gaps alone would fill the store still learns of all of them', { timeout: 60_000 }, async () => {
    const run = new Run(path.join(await tempFolder(), 'journal'), { maxBytes: 1 << 20, shares: {} })
    await run.open()
    for (let turn = 0; turn < 60; turn++) {
      await run.do({ kind: 'commit', events: ['kiosk'], points: ['hall.t'], bytes: 7_000, times: 20 })
      await run.drain('city')
      await run.drain('property')
    }
    for (const [name, city] of run.cities) {
      await run.drain(name)
      expect({ name, ...city.findings(run.produced.filter(({ stream }) => uplinks[name]!.includes(stream!))) }).toEqual({ name, ...nothingWrong })
    }
    // The ledger had to give way too, of the dead one's entries alone.
    expect(run.cities.get('dead')!.gaps.some(({ stream }) => stream === 'ledger')).toBe(true)
    expect(run.cities.get('city')!.gaps.flatMap(({ uplinks: losers }) => losers).filter((loser) => loser !== 'dead')).toEqual([])
    await run.close()
  })
})
