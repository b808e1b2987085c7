import path from 'node:path'
import { onTestFinished } from 'vitest'
import type { ChartSlot, EpochMs, HistoryEntry, Quality, Reading } from '../../../gateway/contract/index.ts'
import { FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import { FileHistory, type HistoryOptions } from '../../../gateway/history/index.ts'

export const start = Date.UTC(2026, 2, 1, 8)
export const minute = 60_000
export const hour = 60 * minute

/** A history that is closed when the test ends. Free space is not looked at unless the test does. */
export function historyIn(folder: string, options: Partial<HistoryOptions> = {}): { readonly history: FileHistory; readonly clock: FakeClock } {
  const clock = (options.clock ?? new FakeClock(start)) as FakeClock
  const history = new FileHistory({ folder: path.join(folder, 'history'), log: silentLog(), maxBytes: 256 << 20, rawDays: 7, minuteDays: 62, minFreeBytes: 0, ...options, clock })
  onTestFinished(() => history[Symbol.asyncDispose]())
  return { history, clock }
}

/** Time passes no faster than the disk can follow. */
export async function pass(history: FileHistory, clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0 || ms === 0; left -= minute) {
    await clock.advance(Math.min(left, minute))
    await history.chart('nobody.here', 0, minute, 1)
    if (ms === 0) return
  }
}

export async function all(inputs: AsyncIterable<HistoryEntry>): Promise<HistoryEntry[]> {
  const found: HistoryEntry[] = []
  for await (const input of inputs) found.push(input)
  return found
}

export type Run = readonly [from: EpochMs, to: EpochMs]
const worse: Readonly<Record<Quality, number>> = { good: 0, uncertain: 1, bad: 2 }

/**
 * What a chart of one-minute slots must say of one point, by the definition: between two readings of one run a value holds. `readings` of
 * this point in order, `runs` the times the gateway ran.
 */
export function naiveSlot(at: EpochMs, readings: readonly Reading[], runs: readonly Run[]): ChartSlot {
  let [sum, weight, goodMs, changes] = [0, 0, 0, 0]
  let [min, max, worst] = [Infinity, -Infinity, -1]
  let last: Reading | null = null
  let bare: number | null = null
  const touch = (reading: Reading, ms: number): void => {
    const number = typeof reading.value === 'boolean' ? Number(reading.value) : reading.value
    if (typeof number === 'number') { min = Math.min(min, number); max = Math.max(max, number); sum += number * ms; weight += ms; bare = number }
    if (reading.quality === 'good') goodMs += ms
    worst = Math.max(worst, worse[reading.quality])
    last = reading
  }
  for (const [from, to] of runs) {
    const own = readings.filter((reading) => reading.receivedAt >= from && reading.receivedAt <= to)
    for (const [index, reading] of own.entries()) {
      const begins = Math.max(reading.receivedAt, at)
      const ends = Math.min(own[index + 1]?.receivedAt ?? to, at + minute)
      const inside = reading.receivedAt >= at && reading.receivedAt < at + minute
      if (inside) changes++
      if (ends > begins || inside) touch(reading, Math.max(0, ends - begins))
    }
  }
  const known = last as Reading | null
  const numeric = Number.isFinite(min)
  return {
    at, min: numeric ? min : null, mean: weight > 0 ? sum / weight : bare, max: numeric ? max : null, last: known?.value ?? null,
    quality: worst < 0 ? null : (['good', 'uncertain', 'bad'] as const)[worst]!, changes, goodMs,
  }
}
