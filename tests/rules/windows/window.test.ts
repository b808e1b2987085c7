import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../gateway/contract/index.ts'
import type { Measure } from '../../../rules/expression/scope.ts'
import { maxBuckets, Window, type Sample } from '../../../rules/windows/window.ts'
import { scale } from '../../support/seed.ts'

const all: readonly Measure[] = ['avg', 'min', 'max', 'sum', 'count', 'rate', 'delta']
interface Put { readonly at: number; readonly value: Sample }

/** The whole past, read afresh for every question; what lies before the oldest bucket is left out. */
function naive(puts: readonly Put[], what: Measure, now: number, { bucketMs, size }: Window, truth: boolean): number | null {
  const head = Math.floor(now / bucketMs)
  const from = (head - size + 1) * bucketMs
  const number = (value: Sample): number => (typeof value === 'number' ? value : value === true ? 1 : 0)
  const held = puts.map(({ at, value }, index) => ({ from: Math.max(at, from), to: index + 1 < puts.length ? puts[index + 1]!.at : now, value })).filter((piece) => piece.value !== null && piece.to > piece.from)
  const covered = held.reduce((sum, piece) => sum + piece.to - piece.from, 0)
  if (covered * 2 < size * bucketMs) return null
  const readings = puts.filter(({ at, value }) => at >= from && value !== null)
  const values = [...held.map(({ value }) => number(value)), ...readings.map(({ value }) => number(value))]
  const edges = puts.filter(({ at, value }, index) => at >= from && value === true && puts[index - 1]?.value === false).length
  const ends = [...held.map((piece) => [piece.from, piece.value] as const), ...readings.map(({ at, value }) => [at, value] as const)]
  const first = ends.toSorted((a, b) => a[0] - b[0])[0]
  // Of several at one moment the last one told.
  const last = held.length > 0 || readings.length > 0 ? puts.findLast(({ value }, index) => value !== null && (index === puts.length - 1 || puts[index + 1]!.at >= from)) : undefined
  const delta = first && last ? number(last.value) - number(first[1]) : NaN
  const answer: Readonly<Record<Measure, number>> = {
    avg: held.reduce((sum, piece) => sum + (piece.to - piece.from) * number(piece.value), 0) / covered, min: Math.min(...values), max: Math.max(...values), sum: readings.reduce((sum, { value }) => sum + number(value), 0),
    count: truth ? edges : readings.length, delta, rate: first ? delta / (now - Math.floor(first[0] / bucketMs) * bucketMs) * 3_600_000 : NaN,
  }
  return Number.isFinite(answer[what]) ? answer[what] : null
}

const pasts = (value: fc.Arbitrary<Sample>) => fc.array(fc.record({ gap: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 90_000 })), value: fc.option(value, { freq: 6 }) }), { minLength: 1, maxLength: 60 }).map((steps) => {
  let at = 1_000_000
  return steps.map((step): Put => ({ at: at += step.gap, value: step.value }))
})
const spans = fc.constantFrom(5_000, 7_500, 60_000, 300_000, 3_600_000)

function close(found: number | null, wanted: number | null): void {
  if (found === null || wanted === null) expect(found).toBe(wanted)
  else expect(found).toBeCloseTo(wanted, 6)
}

describe('a window', () => {
  it('answers what reading its whole past again would answer, at bucket resolution', () => {
    fc.assert(fc.property(pasts(fc.integer({ min: -50, max: 50 })), spans, fc.integer({ min: 0, max: 60_000 }), (puts, span, later) => {
      const window = new Window(span, all)
      puts.forEach(({ at, value }, index) => {
        window.put(value, at)
        for (const what of all) close(window.measure(what, at), naive(puts.slice(0, index + 1), what, at, window, false))
      })
      const end = puts.at(-1)!.at + later
      for (const what of all) close(window.measure(what, end), naive(puts, what, end, window, false))
    }), { numRuns: 400 * scale })
  })
  it('does so of truth, whose count is how often it became true', () => {
    fc.assert(fc.property(pasts(fc.boolean()), spans, (puts, span) => {
      const window = new Window(span, ['avg', 'count'], true)
      puts.forEach(({ at, value }, index) => {
        window.put(value, at)
        for (const what of ['avg', 'count'] as const) close(window.measure(what, at), naive(puts.slice(0, index + 1), what, at, window, true))
      })
    }), { numRuns: 300 * scale })
  })
  it('is the same, to the bit, after a restart anywhere', () => {
    fc.assert(fc.property(pasts(fc.double({ min: -1e3, max: 1e3, noNaN: true })), spans, fc.nat(60), (puts, span, cut) => {
      const through = new Window(span, all)
      let stopped = new Window(span, all)
      puts.forEach(({ at, value }, index) => {
        if (index === cut) {
          const again = new Window(span, all)
          again.restore(JSON.parse(JSON.stringify(stopped.state())) as Json)
          stopped = again
        }
        through.put(value, at)
        stopped.put(value, at)
        for (const what of all) expect(stopped.measure(what, at)).toBe(through.measure(what, at))
      })
    }), { numRuns: 200 * scale })
  })
  it('does not drift: a million updates later a constant is still that constant', () => {
    const window = new Window(60_000, ['avg', 'sum'])
    for (let at = 0; at < 1_000_000; at += 10) window.put(at < 900_000 ? 0.1 + (at % 7) * 1e9 : 0.1, at)
    expect(window.measure('avg', 1_000_000)).toBeCloseTo(0.1, 12)
  })
  it('has at most sixty buckets, none shorter than a second', () => {
    for (const span of [5_000, 59_999, 60_001, 300_000, 31 * 86_400_000]) {
      const { size, bucketMs } = new Window(span, ['avg'])
      expect(size).toBeLessThanOrEqual(maxBuckets)
      expect(bucketMs).toBeGreaterThanOrEqual(1_000)
      expect(size * bucketMs).toBeGreaterThanOrEqual(span)
    }
  })
  it('weighs by time and not by readings, leaves out what was bad, and says nothing before half is known', () => {
    const window = new Window(60_000, ['avg', 'max'])
    window.put(10, 0)
    expect(window.measure('avg', 29_000)).toBeNull()
    expect(window.measure('avg', 30_000)).toBe(10)
    for (let at = 30_000; at < 31_000; at += 10) window.put(70, at)
    expect(window.measure('avg', 31_000)).toBeCloseTo((10 * 30 + 70) / 31)
    window.put(null, 31_000)
    expect(window.measure('avg', 50_000)).toBeCloseTo((10 * 30 + 70) / 31)
    expect(window.measure('max', 119_000)).toBeNull()
  })
  it('does not count time in which nobody looked', () => {
    const window = new Window(60_000, ['avg', 'count'])
    window.put(10, 0)
    window.advance(20_000)
    window.interrupted(50_000)
    expect(window.measure('avg', 55_000)).toBeNull()
    expect(window.measure('avg', 80_000)).toBe(10)
  })
  it('takes any JSON for a restore', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.boolean(), (state, shaped) => {
      const window = new Window(60_000, ['avg', 'delta'])
      window.put(3, 1_000)
      window.restore((shaped ? { ...window.state() as object, ...(typeof state === 'object' ? state : {}) } : state) as Json)
      window.put(4, 50_000)
      const found = window.measure('delta', 60_000)
      expect(found === null || Number.isFinite(found)).toBe(true)
    }))
  })
})
