import { describe, expect, it, onTestFinished } from 'vitest'
import type { Value } from '../../../gateway/contract/index.ts'
import { DriverError, FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import { createSounders } from '../../../rules/sounder/sounder.ts'
import { sounderSchema } from '../../../rules/sounder/schema.ts'
import { clear, DeskBench, minute, raise, t0 } from '../../support/alerts.ts'

/** A relay board on a line that the test can break. */
async function hall(config: object = {}) {
  const clock = new FakeClock(t0)
  const bench = new DeskBench({ config: { autoResolve: [] } })
  const writes: { readonly at: number; readonly value: Value; readonly by: unknown }[] = []
  const line = { broken: false, hangs: false }
  const board = { on: false }
  const writer = {
    async write(_point: string, value: Value, signal: AbortSignal, by: unknown) {
      writes.push({ at: clock.now() - t0, value, by })
      if (line.hangs) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      if (line.broken) throw new DriverError('DEVICE_OFFLINE', 'no board')
      board.on = value === true
    },
  }
  const sounders = createSounders([sounderSchema.parse({ id: 'horn', points: ['board.relay-1'], ...config })], { clock, writer, desk: bench.desk, log: silentLog() })
  onTestFinished(async () => { const stopped = sounders[Symbol.asyncDispose](); await clock.advance(10_000); await stopped })
  await clock.advance(0)
  const since = (from: number) => writes.filter(({ at }) => at >= from).map(({ at, value }) => [at, value])
  return { clock, bench, writes, line, board, sounders, since }
}

describe('a sounder', () => {
  it('is off at the start, and plays the pattern of the gravest until somebody acts', async () => {
    const { clock, bench, writes, board } = await hall()
    expect(writes).toEqual([{ at: 0, value: false, by: { actor: 'sounder', origin: 'rule' } }])
    bench.apply(raise({ severity: 2 }))
    expect(writes).toHaveLength(2)
    await clock.advance(5_999)
    expect(writes.map(({ at, value }) => [at, value]).slice(1)).toEqual([[0, true], [1_000, false], [5_000, true]])
    bench.apply(raise({ key: 'smoke', severity: 1, at: t0 + 6_000 }))
    await clock.advance(1_200)
    expect(writes.map(({ at, value }) => [at, value]).slice(4)).toEqual([[6_499, false], [6_999, true]])
    for (const { id } of bench.desk.open()) bench.act({ act: 'acknowledge', alert: id })
    await clock.advance(100)
    expect(board.on).toBe(false)
  })
  it('sounds on when the cause is gone and nobody has acted', async () => {
    const { clock, bench, board } = await hall({ patterns: { 2: { on: '1s', off: '0s' } } })
    bench.apply(raise(), clear())
    await clock.advance(minute)
    expect(board.on).toBe(true)
    bench.act({ act: 'acknowledge' })
    await clock.advance(10)
    expect(board.on).toBe(false)
  })
  it('is silent until the next new alert, and silence acknowledges nothing', async () => {
    const { clock, bench, board, sounders } = await hall({ patterns: { 2: { on: '1s' } } })
    bench.apply(raise())
    await clock.advance(10)
    expect(sounders.silence()).toEqual([bench.only().id])
    await clock.advance(10)
    expect(board.on).toBe(false)
    expect(bench.only().state).toBe('raised')
    expect(sounders.state()).toMatchObject([{ id: 'horn', sounding: 2, on: false, silencedUntil: t0 + 10 + 600_000 }])
    bench.act({ act: 'comment', text: 'on my way' })
    bench.note(bench.only().id, { at: t0 + 5, what: 'delivered' })
    await clock.advance(10)
    expect(board.on).toBe(false)
    bench.apply(raise({ key: 'other', at: t0 + 50 }))
    await clock.advance(10)
    expect(board.on).toBe(true)
  })
  it('ends silence by itself when nobody has acted', async () => {
    const { clock, bench, board, sounders } = await hall({ patterns: { 2: { on: '1s' } }, silence: '1m' })
    bench.apply(raise())
    sounders.silence()
    await clock.advance(59_000)
    expect(board.on).toBe(false)
    await clock.advance(1_100)
    expect(board.on).toBe(true)
  })
  it('makes no sound for what is shelved, suppressed, in maintenance, elsewhere, or has no pattern', async () => {
    const { clock, bench, writes } = await hall({ patterns: { 2: { on: '1s' } }, places: ['hall'] })
    bench.apply(raise({ mode: 'maintenance', place: 'hall' }), raise({ key: 'b', place: 'cellar' }), raise({ key: 'c', severity: 3, place: 'hall' }))
    await clock.advance(20_000)
    expect(writes).toHaveLength(1)
  })
  it('says it again every 30 s, and after a failure', async () => {
    const { clock, bench, line, board, since, sounders } = await hall({ patterns: { 2: { on: '1s' } } })
    await clock.advance(65_000)
    expect(since(1)).toEqual([[30_000, false], [60_000, false]])
    line.broken = true
    bench.apply(raise({ at: t0 + 65_000 }))
    await clock.advance(0)
    await clock.advance(3_000)
    expect(since(61_000)).toEqual([[65_000, true], [65_500, true], [66_500, true]])
    expect(sounders.state()[0]!.failed).toBe('DEVICE_OFFLINE')
    line.broken = false
    await clock.advance(1_000)
    expect(board.on).toBe(true)
    expect(sounders.state()[0]!.failed).toBeNull()
  })
  it('tries a board that was away at once for a new alarm', async () => {
    const { clock, bench, line, since } = await hall({ patterns: { 2: { on: '1s' } } })
    line.broken = true
    await clock.advance(300_000)
    bench.apply(raise({ at: t0 + 300_000 }))
    expect(since(300_000).at(-1)).toEqual([300_000, true])
  })
  it('gives up a write that hangs', async () => {
    const { clock, bench, line, board } = await hall({ patterns: { 2: { on: '1s' } } })
    line.hangs = true
    bench.apply(raise())
    await clock.advance(1_000)
    line.hangs = false
    await clock.advance(6_000)
    expect(board.on).toBe(true)
  })
  it('is off after a clean stop', async () => {
    const { clock, bench, board, sounders } = await hall({ patterns: { 2: { on: '1s' } } })
    bench.apply(raise())
    await clock.advance(10)
    expect(board.on).toBe(true)
    const stopped = sounders[Symbol.asyncDispose]()
    await clock.advance(10)
    await stopped
    expect(board.on).toBe(false)
  })
  it('sounds for a test, and for half a minute', async () => {
    const { clock, bench, board } = await hall({ patterns: { 1: { on: '1s' } } })
    bench.test(1, 'wang', t0)
    await clock.advance(29_000)
    expect(board.on).toBe(true)
    bench.tick(t0 + 30_000)
    await clock.advance(10)
    expect(board.on).toBe(false)
  })
  it('is quiet after `for`, and loud for what was loud before a restart', async () => {
    const { clock, bench, board, writes } = await hall({ patterns: { 2: { on: '1s', for: '10s' } } })
    bench.apply(raise())
    await clock.advance(10_100)
    expect(board.on).toBe(false)
    const again = createSounders([sounderSchema.parse({ id: 'horn', points: ['board.relay-1'] })], { clock, writer: { write: async (_p, value) => { writes.push({ at: -1, value, by: null }) } }, desk: bench.restarted().desk, log: silentLog() })
    expect(writes.at(-1)).toMatchObject({ at: -1, value: true })
    await again[Symbol.asyncDispose]()
  })
})
