import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Clock, EventType, GatewayEvent } from '../../../gateway/contract/index.ts'
import { FileEventLog, type EventLogOptions } from '../../../gateway/event-log/index.ts'
import { FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import { seed } from '../../support/seed.ts'
import { tempFolder } from '../../support/resources.ts'

const start = Date.UTC(2026, 10, 25, 8)
const [hour, day] = [3_600_000, 86_400_000]
const event = (at: number, n: number, type: Exclude<EventType, 'telemetry'> = 'kiosk'): GatewayEvent => ({ stream: 'event', type, at, subject: 'hall', data: { n } })

function logIn(folder: string, clock: Clock, options: Partial<EventLogOptions> = {}): FileEventLog {
  const log = new FileEventLog({ folder, clock, log: silentLog(), keepDays: 400, retainDays: 90, maxBytes: 1 << 26, minFreeBytes: 0, ...options })
  onTestFinished(() => log[Symbol.asyncDispose]())
  return log
}
async function numbers(log: FileEventLog, from = -Infinity, to = Infinity, types?: readonly string[]): Promise<number[]> {
  const all: number[] = []
  for await (const { data } of log.read(from, to, types)) all.push(data.n as number)
  return all
}
/** Until what was handed over is done. */
const settled = async (log: FileEventLog): Promise<void> => { await numbers(log, 1, 2) }

describe('the event log', () => {
  it('gives back what it was told, in order of time and within the range asked for, also before it is on disk', async () => {
    const log = logIn(await tempFolder(), new FakeClock(start))
    log.record([event(start - 5, 2), event(start - 9, 1), event(start, 3)])
    expect(await numbers(log)).toEqual([1, 2, 3])
    expect(await numbers(log, start - 9, start)).toEqual([1, 2])
  })
  it('keeps access events in files of their own, and finds both together again', async () => {
    const folder = await tempFolder()
    const log = logIn(folder, new FakeClock(start))
    log.record([event(start - 3, 1), event(start - 2, 2, 'access'), event(start - 1, 3, 'alert')])
    expect(await numbers(log)).toEqual([1, 2, 3])
    expect(await numbers(log, 0, start, ['access'])).toEqual([2])
    expect(await numbers(log, 0, start, ['alert', 'kiosk'])).toEqual([1, 3])
    expect((await readdir(folder)).toSorted()).toEqual(['2026-11-25.jsonl', 'access-2026-11-25.jsonl'])
    expect(await readFile(path.join(folder, '2026-11-25.jsonl'), 'utf8')).not.toContain('"access"')
  })
  it('writes once a second, however many events there are', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(start)
    const log = logIn(folder, clock)
    await settled(log)
    for (let n = 0; n < 100; n++) log.record([event(start, n)])
    expect(await readdir(folder)).toEqual([])
    await clock.advance(1_000)
    await settled(log)
    expect((await readFile(path.join(folder, '2026-11-25.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(100)
  })
  it('packs a day that is over, in order, and takes what comes late beside it', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(start)
    const log = logIn(folder, clock)
    log.record([event(start + 2, 2), event(start - 7, 1)])
    await clock.advance(day)
    await settled(log)
    expect(await readdir(folder)).toEqual(['2026-11-25.jsonl.zst'])
    log.record([event(start - 8, 0), event(start + day, 3)])
    expect(await numbers(log)).toEqual([0, 1, 2, 3])
    expect((await readdir(folder)).toSorted()).toEqual(['2026-11-25.1.jsonl', '2026-11-25.jsonl.zst', '2026-11-26.jsonl'])
    await clock.advance(day)
    await settled(log)
    expect((await readdir(folder)).toSorted()).toEqual(['2026-11-25.1.jsonl.zst', '2026-11-25.jsonl.zst', '2026-11-26.jsonl.zst'])
    expect(await numbers(log)).toEqual([0, 1, 2, 3])
  })
  it('deletes access days earlier than the others, also those it finds at a start', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(start)
    const log = logIn(folder, clock, { retainDays: 2, keepDays: 5 })
    log.record([event(start, 1), event(start, 2, 'access')])
    await settled(log)
    await clock.advance(2 * day)
    await settled(log)
    expect(await numbers(log)).toEqual([1, 2])
    await clock.advance(day)
    await settled(log)
    expect(await numbers(log)).toEqual([1])
    await log[Symbol.asyncDispose]()
    const later = logIn(folder, new FakeClock(start + 7 * day), { keepDays: 5 })
    await settled(later)
    expect(await readdir(folder)).toEqual([])
  })
  it('believes no clock that jumps a year ahead: nothing is deleted for its age until a day has passed', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(start)
    const log = logIn(folder, clock)
    log.record([event(start, 1)])
    await settled(log)
    clock.step(800 * day)
    await clock.advance(2 * hour)
    expect(await numbers(log)).toEqual([1])
    await clock.advance(day + hour)
    expect(await numbers(log)).toEqual([])
  })
  it('leaves out a line torn by a crash and counts it; the next life\'s first line stays whole', async () => {
    const folder = await tempFolder()
    const file = path.join(folder, '2026-11-25.jsonl')
    await writeFile(file, `${JSON.stringify(event(start - 3, 1))}\n${JSON.stringify(event(start - 2, 2)).slice(0, 20)}`)
    const log = logIn(folder, new FakeClock(start))
    expect(await numbers(log)).toEqual([1])
    expect(log.statistics().damaged).toBe(1)
    log.record([event(start, 3)])
    expect(await numbers(log)).toEqual([1, 3])
    await appendFile(file, `not JSON\n{"at":5}\n${'x'.repeat(300_000)}\n${JSON.stringify(event(start + 1, 4))}\n`)
    expect(await numbers(log)).toEqual([1, 3, 4])
  })
  it('reads what is left of a packed day that was cut off', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(start)
    const log = logIn(folder, clock)
    log.record(Array.from({ length: 20_000 }, (_, n) => ({ ...event(start + n, n), data: { n, text: `${Math.sin(n)}` } })))
    await clock.advance(day)
    await settled(log)
    const packed = path.join(folder, '2026-11-25.jsonl.zst')
    await truncate(packed, Math.floor((await readFile(packed)).length / 2))
    const found = await numbers(log)
    expect(found.length).toBeGreaterThan(0)
    expect(found).toEqual(found.map((_, n) => n))
    expect(log.statistics().damaged).toBeGreaterThan(0)
  })
  it('does not read a day twice that a crash left both open and packed', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(start)
    const log = logIn(folder, clock)
    log.record([event(start, 1)])
    await settled(log)
    const open = await readFile(path.join(folder, '2026-11-25.jsonl'))
    await clock.advance(day)
    await settled(log)
    await log[Symbol.asyncDispose]()
    await writeFile(path.join(folder, '2026-11-25.jsonl'), open)
    await writeFile(path.join(folder, '2026-11-24.jsonl.zst.tmp'), 'half')
    expect(await numbers(logIn(folder, clock))).toEqual([1])
    expect(await readdir(folder)).toEqual(['2026-11-25.jsonl.zst'])
  })
  it('files a device\'s impossible time under the time of its arrival', async () => {
    const log = logIn(await tempFolder(), new FakeClock(start))
    log.record([event(start + 50 * day, 1), event(0, 2), event(start - day, 3)])
    expect(await numbers(log, start, start + 1)).toEqual([1, 2])
    expect(await numbers(log, start - day, start)).toEqual([3])
  })
  it('stays within its bytes: a bad day takes an eighth at most, and the oldest days go', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(start)
    const log = logIn(folder, clock, { maxBytes: 80_000 })
    for (let days = 0; days < 70; days++) {
      for (let batch = 0; batch < 2; batch++) {
        log.record(Array.from({ length: 50 }, (_, n) => ({ ...event(clock.now(), n), data: { n, text: `${Math.sin(n * (days + 2))}${Math.cos(n)}` } })))
        await settled(log)
        expect(log.statistics().bytes).toBeLessThanOrEqual(80_000)
      }
      await clock.advance(day)
      await settled(log)
    }
    expect(log.statistics().lost).toBeGreaterThan(0)
    expect(log.statistics().oldest).toBeGreaterThan(start)
  })
  it('throws nothing and counts what it loses while its folder cannot be written, then goes on', async () => {
    const folder = path.join(await tempFolder(), 'events')
    await writeFile(folder, 'in the way')
    const clock = new FakeClock(start)
    const log = logIn(folder, clock)
    for (let n = 0; n < 60; n++) { log.record([{ ...event(start, n), data: { n, text: 'x'.repeat(50_000) } }]); await clock.advance(1_000) }
    expect(log.statistics()).toMatchObject({ recorded: 0, paused: true })
    expect(log.statistics().lost).toBeGreaterThan(10)
    await rm(folder)
    await expect.poll(async () => { await clock.advance(1_000); return log.statistics() }).toMatchObject({ paused: false })
    expect((await numbers(log)).length + log.statistics().lost).toBe(60)
  })
  it('writes nothing on a disk that has no room for others', async () => {
    const folder = await tempFolder()
    const log = logIn(folder, new FakeClock(start), { minFreeBytes: Number.MAX_SAFE_INTEGER })
    log.record([event(start, 1)])
    await settled(log)
    expect(log.statistics().paused).toBe(true)
    expect(await readdir(folder)).toEqual([])
  })
  it('is the same after any mix of days, late events and restarts', { timeout: 30_000 }, async () => {
    const step = fc.oneof({ weight: 5, arbitrary: fc.record({ kind: fc.constant('record' as const), late: fc.nat(3 * day), type: fc.constantFrom('access' as const, 'kiosk' as const) }) }, fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(day) }), fc.constant({ kind: 'restart' as const }))
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const folder = await tempFolder()
      const clock = new FakeClock(start)
      let log = logIn(folder, clock)
      const told: { n: number; at: number }[] = []
      for (const each of steps) {
        if (each.kind === 'wait') await clock.advance(each.ms)
        else if (each.kind === 'restart') { await log[Symbol.asyncDispose](); log = logIn(folder, clock) }
        else { told.push({ n: told.length, at: clock.now() - each.late }); log.record([event(told.at(-1)!.at, told.at(-1)!.n, each.type)]) }
      }
      const found = await numbers(log)
      const times = found.map((n) => told[n]!.at)
      expect(found.toSorted((a, b) => a - b)).toEqual(told.map(({ n }) => n))
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      expect(log.statistics()).toMatchObject({ lost: 0, damaged: 0 })
      await log[Symbol.asyncDispose]()
    }), { seed, numRuns: 30 })
  })
})
