import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ConnectionConfig } from '../../gateway/contract/index.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { Feed } from '../../gateway/feed.ts'
import { LiveValues } from '../../gateway/live.ts'
import { Pipeline } from '../../gateway/pipeline.ts'
import { Repeats } from '../../gateway/repeats.ts'
import { TelemetryBranch } from '../../gateway/telemetry.ts'
import { TimeKeeper } from '../../gateway/time.ts'
import { createAlertDesk, createEngine } from '../../rules/index.ts'
import { device, point } from '../support/points.ts'
import { tempFolder } from '../support/resources.ts'
import { nothingWrong, numbered, openStore, StoreCity, type Produced } from '../support/store-city.ts'
import { usualAlerts } from '../support/alerts.ts'

const hour = 3_600_000
const connection: ConnectionConfig = { id: 'line', driver: 'fake', settings: {}, devices: [device('kiosk', [point({ id: 'kiosk.paper' })])] }

/** A gateway's pipeline on a clock whose wall may be moved; monotonic time goes on. */
async function gatewayAt(folder: string, wall: { offset: number; synced: boolean }, produced: Produced[], city: StoreCity) {
  const clock = { ...systemClock, now: () => systemClock.now() + wall.offset }
  const time = new TimeKeeper(clock, () => wall.synced)
  const journal = await openStore(folder, { clock, timeQuality: () => time.quality })
  const reader = await journal.reader('city', { from: 'start' })
  const live = new LiveValues([connection])
  const pipeline = new Pipeline({ journal, live, telemetry: new TelemetryBranch(live.points), repeats: new Repeats(), engine: createEngine([]), desk: createAlertDesk({ config: usualAlerts, newId: () => 'a' }), feed: new Feed(), time, clock, log: silentLog() })
  pipeline.start()
  return {
    async produce(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        const n = produced.length + 1
        await pipeline.emit({ ...numbered(n), at: clock.now() })
        const { epoch, seq } = journal.heads().event
        produced.push({ n, epoch, seq })
      }
    },
    /** The wall moves; resolves when the gateway has said so. */
    async step(change: Partial<typeof wall>): Promise<void> {
      const { seq } = journal.heads().event
      Object.assign(wall, change)
      await expect.poll(() => journal.heads().event.seq, { timeout: 5_000 }).toBeGreaterThan(seq)
    },
    async stop(): Promise<void> { await pipeline.stop(); await city.drain(reader); await journal[Symbol.asyncDispose]() },
  }
}

interface Received { readonly type: string; readonly time: string; readonly timequality: string; readonly data: Record<string, unknown> }

/** Two lives with a clock that moves in the first. */
async function lives(first: { offset: number; synced: boolean }, change: Partial<typeof first>) {
  const folder = path.join(await tempFolder(), 'journal')
  const wall = { ...first }
  const produced: Produced[] = []
  const city = new StoreCity()
  const received: Received[] = []
  const accept = city.accept.bind(city)
  city.accept = (stream, bytes) => { accept(stream, bytes); if (stream === 'event') received.push(JSON.parse(Buffer.from(bytes).toString()) as Received) }
  const one = await gatewayAt(folder, wall, produced, city)
  await one.produce(20)
  await one.step(change)
  await one.produce(20)
  await one.stop()
  const two = await gatewayAt(folder, wall, produced, city)
  await two.produce(10)
  await two.stop()
  expect(city.findings(produced)).toEqual(nothingWrong)
  expect(city.order).toEqual(produced.map(({ n }) => n))
  const steps = received.filter(({ data }) => data.action === 'clock-stepped').map(({ data }) => data)
  expect(steps).toHaveLength(1)
  expect(steps[0]).toMatchObject({ epoch: produced[0]!.epoch, streams: { event: { from: 1, to: 20 } } })
  return { received, offset: steps[0]!.offsetMs as number }
}

describe('the wall clock', () => {
  it('one year ahead: nothing is lost, the order stands, and the city learns which records it concerns', async () => {
    const { offset } = await lives({ offset: 0, synced: true }, { offset: 365 * 24 * hour })
    expect(Math.abs(offset - 365 * 24 * hour)).toBeLessThan(100)
  })
  it('one hour back', async () => {
    const { offset } = await lives({ offset: 0, synced: true }, { offset: -hour })
    expect(Math.abs(offset + hour)).toBeLessThan(100)
  })
  it('in 1970 at the start, then right: times before that are marked unsynced', async () => {
    const { received } = await lives({ offset: -systemClock.now(), synced: false }, { offset: 0, synced: true })
    const quality = (n: number): string => received.find(({ data }) => data.n === n)!.timequality
    expect([quality(1), quality(20), quality(21), quality(50)]).toEqual(['unsynced', 'unsynced', 'synced', 'synced'])
    expect(received.find(({ data }) => data.n === 1)!.time.slice(0, 4)).toBe('1970')
  })
})
