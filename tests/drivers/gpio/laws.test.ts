import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Counter, parseRecord } from '../../../drivers/gpio/count.ts'
import { Debouncer, type Level } from '../../../drivers/gpio/debounce.ts'
import { LineSplitter } from '../../../drivers/gpio/line-splitter.ts'
import { limitFor } from '../../../drivers/gpio/outputs.ts'
import { gpioSchemas } from '../../../drivers/gpio/schema.ts'
import type { GpioAddress } from '../../../drivers/gpio/settings.ts'
import { ageOf } from '../../../drivers/gpio/stamps.ts'
import type { Json } from '../../../gateway/contract/index.ts'

/** Gaps between edges that alternate, from low. */
const edgesOf = (gaps: readonly number[]): Level[] => { let mono = 0; return gaps.map((gap, index) => { mono += gap; return { level: index % 2 === 0, mono, at: 1_000_000 + mono } }) }
const gaps = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 60 })
const address = (keys: object): GpioAddress => gpioSchemas.point.parse({ line: 1, ...keys }) as GpioAddress

describe('debounce', () => {
  it('believes exactly the levels that held, at the time of the edge that began them', () => {
    fc.assert(fc.property(gaps, fc.integer({ min: 0, max: 150 }), (all, debounceMs) => {
      const edges = edgesOf(all)
      const contact = new Debouncer(false, debounceMs)
      const seen = [...edges.flatMap((edge) => contact.edge(edge)), ...contact.settle(Infinity)]
      let stable = false
      const expected = edges.filter((edge, index) => {
        const held = (edges[index + 1]?.mono ?? Infinity) - edge.mono
        if (held < debounceMs || edge.level === stable) return false
        stable = edge.level
        return true
      })
      expect(seen).toEqual(expected)
      expect(contact.stable).toBe(stable)
      // Every edge is a change, or one of a pair that was not believed.
      expect(contact.debounced + seen.length).toBe(edges.length)
    }))
  })
  it('does not depend on when it is asked, and goes on from its own state', () => {
    fc.assert(fc.property(gaps, fc.integer({ min: 0, max: 150 }), fc.array(fc.integer({ min: 0, max: 12_000 }), { maxLength: 20 }), (all, debounceMs, looks) => {
      const edges = edgesOf(all)
      const plain = new Debouncer(false, debounceMs)
      const expected = [...edges.flatMap((edge) => plain.edge(edge)), ...plain.settle(Infinity)]
      let asked = new Debouncer(false, debounceMs)
      const seen = edges.flatMap((edge, index) => {
        const before = looks.filter((look) => look < edge.mono && look >= (edges[index - 1]?.mono ?? 0)).toSorted((a, b) => a - b).flatMap((look) => asked.settle(look))
        asked = new Debouncer(JSON.parse(JSON.stringify(asked.state)) as typeof asked.state, debounceMs)
        return [...before, ...asked.edge(edge)]
      })
      expect([...seen, ...asked.settle(Infinity)]).toEqual(expected)
    }))
  })
  it('counts an edge whose opposite was lost, and invents no change from it', () => {
    const contact = new Debouncer(false, 0)
    expect(contact.edge({ level: false, mono: 1, at: 1 })).toEqual([])
    expect(contact.lost).toBe(1)
  })
  it('does not wait for a clock that began anew', () => {
    const contact = new Debouncer({ stable: false, raw: true, pending: { level: true, mono: 1e9, at: 5 } }, 50)
    expect(contact.settle(10)).toEqual([{ level: true, mono: 1e9, at: 5 }])
  })
})

describe('counting', () => {
  it('counts each pulse once, wherever the power is cut and the spool read again', () => {
    fc.assert(fc.property(gaps, fc.constantFrom('rising' as const, 'falling' as const), fc.integer({ min: 0, max: 100 }), fc.array(fc.nat(60), { maxLength: 5 }), (all, count, debounce, cuts) => {
      const edges = edgesOf(all)
      const keys = address({ count, debounce: `${debounce}ms`, initial: 500 })
      const plain = new Counter(keys, { record: undefined, level: false, everyEdge: false, at: 0 })
      edges.forEach((edge, index) => plain.edge(edge, { file: 1, offset: index + 1 }))
      plain.settle(Infinity)
      // A life reads the spool from where the last stored record was, and dies; what it did after storing is lost with it.
      let stored: Json | undefined
      for (const cut of cuts) {
        const record = parseRecord(stored)
        const life = new Counter(keys, { record, level: false, everyEdge: false, at: 0 })
        const from = record?.offset ?? 0
        edges.slice(from).forEach((edge, index) => { life.edge(edge, { file: 1, offset: from + index + 1 }); if (from + index === cut) stored = JSON.parse(JSON.stringify(life.record())) as Json })
      }
      const record = parseRecord(stored)
      const last = new Counter(keys, { record, level: false, everyEdge: false, at: 0 })
      edges.slice(record?.offset ?? 0).forEach((edge) => last.edge(edge))
      last.settle(Infinity)
      expect(last.total).toBe(plain.total)
      if (debounce === 0) expect(plain.total).toBe(500 + edges.filter(({ level }) => level === (count === 'rising')).length)
    }))
  })
  it('takes every edge for a pulse where the kernel gives only those that count', () => {
    const counter = new Counter(address({ count: 'falling', debounce: '0ms' }), { record: undefined, level: true, everyEdge: true, at: 0 })
    for (let index = 0; index < 5; index++) counter.edge({ level: false, mono: index, at: index })
    expect(counter.total).toBe(5)
  })
  it('begins at its initial value for what it cannot read, and when the initial value is another', () => {
    for (const bad of [undefined, null, 5, 'x', { total: -1 }, { total: 1.5, initial: 0, file: 0, offset: 0, contact: null }, { total: 3, initial: 0, file: 0, offset: 0, contact: null, more: 1 }]) expect(parseRecord(bad as Json)).toBeUndefined()
    fc.assert(fc.property(fc.jsonValue(), (json) => { parseRecord(json as Json) }))
    const record = parseRecord({ total: 9, initial: 2, file: 1, offset: 3, contact: null })
    const start = (initial: number): number => new Counter(address({ count: 'rising', initial }), { record, level: false, everyEdge: false, at: 0 }).total
    expect([start(2), start(3)]).toEqual([9, 3])
  })
})

describe('the limit of an output', () => {
  it('never lets it be on longer than maxOn, however often it is asked for', () => {
    fc.assert(fc.property(fc.option(fc.integer({ min: 10, max: 60_000 }), { nil: undefined }), fc.integer({ min: 10, max: 60_000 }), fc.nat(70_000), (pulse, maxOn, onFor) => {
      const limit = limitFor({ pulse, maxOn }, onFor)
      expect(limit).toBeGreaterThan(0)
      expect(limit).toBeLessThanOrEqual(pulse ?? maxOn)
      if (onFor < maxOn) expect(onFor + limit).toBeLessThanOrEqual(maxOn)
      else expect(limit).toBe(1)
    }))
    expect(limitFor({}, 5)).toBe(0)
  })
})

describe('the time of an edge', () => {
  it('is of the kernel\'s monotonic clock, of wall time on old kernels, and unknown for anything else', () => {
    expect(ageOf(4_000, 4_250, 1e12)).toBe(250)
    expect(ageOf(4_000, 3_990, 1e12)).toBe(0)
    expect(ageOf(1e12 - 30, 5_000, 1e12)).toBe(30)
    expect(ageOf(9_000, 5_000, 1e12)).toBeUndefined()
    expect(ageOf(NaN, 5_000, 1e12)).toBeUndefined()
    fc.assert(fc.property(fc.double(), fc.nat(1e9), (stamp, kernel) => { const age = ageOf(stamp, kernel, 1.7e12); if (age !== undefined) expect(age).toBeGreaterThanOrEqual(0) }))
  })
})

describe('the lines of a pipe', () => {
  it('are the same however the bytes are cut, and their lengths add up', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '1', ' '), maxLength: 30 })), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      const seen: string[] = []
      let total = 0
      const splitter = new LineSplitter((line, length) => { seen.push(line); total += length }, 20)
      for (let at = 0, cut = 0; at < bytes.length; at += cuts[cut++ % cuts.length]!) splitter.push(bytes.subarray(at, at + cuts[cut % cuts.length]!))
      expect(seen).toEqual(lines.map((line) => (line.length > 20 ? '' : line)))
      expect(total).toBe(bytes.length)
    }))
  })
})
