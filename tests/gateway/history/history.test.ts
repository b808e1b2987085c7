import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChartSlot, DeviceStatus, History, Occurrence, Reading, RuleInput, Value } from '../../../gateway/contract/index.ts'
import { openMinutes } from '../../../gateway/history/index.ts'
import { FakeClock } from '../../../gateway/kit/index.ts'
import { reading } from '../../support/points.ts'
import { tempFolder } from '../../support/resources.ts'
import { all, historyIn, hour, minute, naiveSlot, pass, start, type Run } from './support.ts'

const step = fc.record({
  afterMs: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 40 * minute })), point: fc.constantFrom('hall.t', 'door.open', 'kiosk.word'),
  number: fc.oneof(fc.integer({ min: -50, max: 50 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })), quality: fc.constantFrom('good' as const, 'good' as const, 'uncertain' as const, 'bad' as const), restart: fc.integer({ min: 0, max: 12 }),
})
// A reading of -0 and one of 0 are the same measurement, and the file says 0.
const valueOf = (point: string, number: number): Value => (point === 'hall.t' ? number || 0 : point === 'door.open' ? number > 0 : `word ${Math.round(number)}`)

/** Equal but for the mean, which is kept to a ten-thousandth of the band. */
function expectSlot(found: ChartSlot, expected: ChartSlot): void {
  expect({ ...found, mean: null }).toEqual({ ...expected, mean: null })
  if (expected.mean === null) expect(found.mean).toBeNull()
  else expect(Math.abs(found.mean! - expected.mean)).toBeLessThanOrEqual((expected.max! - expected.min!) / 10_000 + 1e-9 * Math.abs(expected.mean))
}

describe('the history', () => {
  it('draws what a naive recount draws, and replays what came in, over restarts and hours', { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const folder = await tempFolder()
      let now = start
      let { history, clock } = historyIn(folder, { clock: new FakeClock(now) })
      const runs: [number, number][] = [[now, now]]
      const readings: Reading[] = []
      const inputs: RuleInput[] = []
      for (const { afterMs, point, number, quality, restart } of steps) {
        await pass(history, clock, afterMs)
        now = clock.now()
        if (restart === 0) {
          await history[Symbol.asyncDispose]()
          runs.at(-1)![1] = now
          // Longer than a minute: within one, a restart is not told from the value that held before it.
          now += 100_000
          ;({ history, clock } = historyIn(folder, { clock: new FakeClock(now) }))
          runs.push([now, now])
        }
        const one = reading(point, quality === 'bad' ? null : valueOf(point, number), now, { quality })
        readings.push(one)
        // JSON, in which an occurrence is kept, has no -0.
        const occurrence: Occurrence = { deviceId: 'kiosk', type: 'kiosk', at: now - number, data: { number: number || 0, 词: [quality] }, sourceId: `${inputs.length}` }
        const device: DeviceStatus = { deviceId: 'kiosk', state: quality === 'bad' ? 'offline' : 'online', at: now }
        inputs.push({ reading: one }, { device }, { occurrence, receivedAt: now }, { tick: now })
        history.readings([one])
        history.device(device)
        history.occurrence(occurrence, now)
        history.tick(now)
      }
      now = clock.now()
      runs.at(-1)![1] = now
      const draws = async ({ chart }: Pick<History, 'chart'>): Promise<void> => {
        for (const point of ['hall.t', 'door.open', 'kiosk.word', 'nobody.here']) {
          const own = readings.filter(({ pointId }) => pointId === point)
          for (let from = start; from <= now; from += 1_000 * minute) {
            const { slots } = await chart(point, from, from + 1_000 * minute, 2_000)
            for (const slot of slots) if (slot.at <= now) expectSlot(slot, naiveSlot(slot.at, own, runs))
          }
        }
      }
      await draws({ chart: (...asked) => history.chart(...asked) })
      expect(await all(history.replay(0, now + 1))).toEqual(inputs)
      await history[Symbol.asyncDispose]()
      // The folder of a gateway that does not run says the same.
      await draws((await openMinutes(path.join(folder, 'history')))!)
    }), { numRuns: 25 })
  })

  it('draws the hour that the last run left, also while its file is not written yet', async () => {
    const folder = await tempFolder()
    const first = historyIn(folder)
    first.history.readings([reading('hall.t', 20, start)])
    await pass(first.history, first.clock, 50 * minute - 10_000)
    await first.history[Symbol.asyncDispose]()
    const { history } = historyIn(folder, { clock: new FakeClock(start + hour + minute) })
    // The first question is asked before anything else is done; the last finds the file.
    const asked = [0, 1, 2].map(() => history.chart('hall.t', start, start + hour, 60))
    const charts = [...await Promise.all(asked), await history.chart('hall.t', start, start + hour, 60)]
    for (const { slots } of charts) expect(slots.filter(({ last }) => last === 20)).toHaveLength(50)
  })

  it('carries a value that holds through hours without a change, and shows an outage as a gap', async () => {
    const folder = await tempFolder()
    const first = historyIn(folder)
    first.history.readings([reading('hall.t', 20, start)])
    await pass(first.history, first.clock, 5 * hour + minute)
    await first.history[Symbol.asyncDispose]()
    const back = start + 8 * hour
    const { history, clock } = historyIn(folder, { clock: new FakeClock(back) })
    await pass(history, clock, 30 * minute)
    history.readings([reading('hall.t', 22, clock.now())])
    await pass(history, clock, 2 * minute)
    const { slots, slotMs } = await history.chart('hall.t', start, start + 9 * hour, 18)
    expect(slotMs).toBe(30 * minute)
    expect(slots.map(({ mean }) => mean)).toEqual([20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, null, null, null, null, null, null, 22])
    expect(slots.map(({ quality }) => quality).filter((quality) => quality === null)).toHaveLength(6)
    expect(slots.slice(0, 10).map(({ goodMs }) => goodMs)).toEqual(Array.from({ length: 10 }, () => 30 * minute))
    // A chart that begins in the middle of a value's reign knows it too.
    expect((await history.chart('hall.t', start + 3 * hour, start + 4 * hour, 10)).slots.map(({ last }) => last)).toEqual(Array.from({ length: 10 }, () => 20))
  })

  it('weighs a value by the time it held; of a switch it tells the share of time on', async () => {
    const { history, clock } = historyIn(await tempFolder())
    history.readings([reading('hall.t', 10, start), reading('lamp.on', true, start)])
    await pass(history, clock, 45_000)
    history.readings([reading('hall.t', 30, clock.now()), reading('lamp.on', false, clock.now())])
    await pass(history, clock, 75_000)
    expect((await history.chart('hall.t', start, start + minute, 1)).slots).toEqual([{ at: start, min: 10, mean: 15, max: 30, last: 30, quality: 'good', changes: 2, goodMs: 60_000 }])
    expect((await history.chart('lamp.on', start, start + minute, 1)).slots).toMatchObject([{ mean: 0.75, last: false, changes: 2 }])
  })

  it('puts a reading that was kept by its device into the minute it belongs to, also when that hour has its file', async () => {
    const { history, clock } = historyIn(await tempFolder())
    history.readings([reading('hall.t', 10, start)])
    await pass(history, clock, 2.5 * hour)
    // Two that the device kept, then one that overtook them.
    history.readings([start + 20 * minute, start + 80 * minute].map((at, n) => reading('hall.t', 50 + n, at, { receivedAt: clock.now() })))
    history.readings([reading('hall.t', 5, start + 10 * minute, { receivedAt: clock.now() })])
    await pass(history, clock, hour)
    const { slots } = await history.chart('hall.t', start, start + 2 * hour, 12)
    expect(slots.map(({ max, changes }) => [max, changes])).toEqual([[10, 1], [5, 1], [50, 1], ...Array.from({ length: 5 }, () => [50, 0]), [51, 1], [51, 0], [51, 0], [51, 0]])
  })

  it('merges minutes that a clock set back lives twice, and takes a leap ahead for a gap', async () => {
    const { history, clock } = historyIn(await tempFolder())
    const put = (value: number): void => history.readings([reading('hall.t', value, clock.now())])
    put(1)
    await pass(history, clock, 30 * minute)
    put(2)
    await pass(history, clock, 60 * minute)
    clock.step(-hour)
    put(100)
    await pass(history, clock, 10 * minute)
    clock.step(365 * 24 * hour)
    put(7)
    await pass(history, clock, 5 * minute)
    const later = (await history.chart('hall.t', clock.now() - 20 * minute, clock.now(), 20)).slots
    expect(later.filter(({ quality }) => quality === null).length).toBeGreaterThanOrEqual(14)
    expect(later.at(-2)).toMatchObject({ mean: 7 })
    clock.step(-365 * 24 * hour)
    put(3)
    await pass(history, clock, 100 * minute)
    const { slots } = await history.chart('hall.t', start, start + 2 * hour, 120)
    expect(slots.reduce((sum, { changes }) => sum + changes, 0)).toBe(4)
    expect(slots[29]).toMatchObject({ min: 1, max: 1, changes: 0 })
    expect(slots[30]).toMatchObject({ min: 2, max: 100, changes: 2, last: 100, goodMs: 2 * minute })
    expect(slots[60]).toMatchObject({ min: 3, max: 3 })
    expect((await all(history.replay(0, Infinity))).map((input) => ('reading' in input ? input.reading.value : null))).toEqual([1, 2, 100, 7, 3])
    // A year ahead is not a reason to throw away what became old by it.
    expect((await history.span()).minutes).toBe(start)
  })

  it('drops what a box that boots in 1970 counted before its clock was set, and keeps its raw readings', async () => {
    const folder = await tempFolder()
    const { history, clock } = historyIn(folder, { clock: new FakeClock(5_000) })
    history.readings([reading('hall.t', 1, clock.now())])
    await pass(history, clock, 2 * minute)
    expect((await history.chart('hall.t', 0, 2 * minute, 2)).slots[1]).toMatchObject({ last: 1 })
    clock.step(start)
    history.readings([reading('hall.t', 2, clock.now())])
    await pass(history, clock, 2 * hour)
    expect((await history.chart('hall.t', 0, 2 * minute, 2)).slots).toMatchObject([{ quality: null }, { quality: null }])
    expect((await history.chart('hall.t', clock.now() - hour, clock.now(), 1)).slots).toMatchObject([{ last: 2 }])
    expect(await all(history.replay(0, Infinity))).toHaveLength(2)
  })

  it('replays a part of the time', async () => {
    const { history, clock } = historyIn(await tempFolder())
    for (let n = 0; n < 50; n++) { history.readings([reading('hall.t', n, clock.now())]); history.tick(clock.now()); await pass(history, clock, 7_000) }
    const part = await all(history.replay(start + 70_000, start + 84_000))
    expect(part).toEqual([{ reading: reading('hall.t', 10, start + 70_000) }, { tick: start + 70_000 }, { reading: reading('hall.t', 11, start + 77_000) }, { tick: start + 77_000 }])
    expect(history.statistics()).toMatchObject({ readings: 50, ticks: 50, lost: 0, paused: false, oldest: { minutes: Math.floor(start / hour) * hour, raw: start } })
  })

  it('reaches back to the moment the gateway first ran, also after a restart, and not to what a device brought of before', async () => {
    const folder = await tempFolder()
    const born = start + 50 * minute
    const first = historyIn(folder, { clock: new FakeClock(born) })
    const oldest = ({ history }: typeof first): number | null => history.statistics().oldest.minutes
    expect(oldest(first)).toBeNull()
    // Retained by a broker: of two hours ago.
    first.history.readings([reading('hall.t', 1, born), { ...reading('hall.h', 1, born), at: born - 2 * hour }])
    await pass(first.history, first.clock, 3 * minute)
    expect(oldest(first)).toBe(born)
    await first.history[Symbol.asyncDispose]()
    const second = historyIn(folder, { clock: new FakeClock(born + 5 * minute) })
    await pass(second.history, second.clock, 0)
    expect(oldest(second)).toBe(born)
    await pass(second.history, second.clock, 3 * hour)
    expect(oldest(second)).toBe(born)
    await second.history[Symbol.asyncDispose]()
    const third = historyIn(folder, { clock: new FakeClock(born + 4 * hour) })
    third.history.readings([reading('hall.t', 2, born + 4 * hour)])
    await pass(third.history, third.clock, 2 * minute)
    expect(oldest(third)).toBe(born)
    await third.history[Symbol.asyncDispose]()
    // Of the hours that age leaves, the oldest was lived from its beginning.
    const aged = historyIn(folder, { clock: new FakeClock(start + 50 * hour), minuteDays: 2 })
    aged.history.readings([reading('hall.t', 2, start + 50 * hour)])
    await pass(aged.history, aged.clock, 5 * minute)
    expect(oldest(aged)).toBe(start + 2 * hour)
  })

  it('refuses a range that is none', async () => {
    const { history } = historyIn(await tempFolder())
    for (const [from, to, points] of [[5, 5, 10], [5, 4, 10], [0, 5, 0], [0, 5, 2_001], [NaN, 5, 10]] as const) await expect(history.chart('a.b', from, to, points)).rejects.toMatchObject({ code: 'HISTORY_RANGE' })
    expect((await history.chart('a.b', 0, 8e15, 2_000)).slots.length).toBeLessThanOrEqual(2_000)
  })
  const runs: readonly Run[] = []
  it('has a naive recount that knows nothing without a run', () => expect(naiveSlot(0, [reading('a.b', 1, 0)], runs).quality).toBeNull())
})
