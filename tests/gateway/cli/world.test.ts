import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Value } from '../../../gateway/contract/index.ts'
import { limitsOf } from '../../../gateway/cli/simulate/limits.ts'
import { World } from '../../../gateway/cli/simulate/world.ts'
import { device, point } from '../../support/points.ts'

const meter = device('m', [
  ['voltage', 'V'], ['current', 'A'], ['power', 'W'], ['apparent-power', 'V.A'], ['reactive-power', 'var'], ['power-factor', '1'], ['energy-import', 'kW.h'], ['energy-export', 'kW.h'], ['frequency', 'Hz'],
].map(([name, unit]) => point({ id: `m.${name}`, unit: unit! })))
const three = device('t', [...[1, 2, 3].flatMap((phase) => [point({ id: `t.voltage-l${phase}`, unit: 'V' }), point({ id: `t.current-l${phase}`, unit: 'A' }), point({ id: `t.power-l${phase}`, unit: 'W' })]), point({ id: 't.power', unit: 'W' })])

const seeded = (seed: number) => { let state = seed; return () => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff }
function* steps(devices: readonly ReturnType<typeof device>[], seed: number, count: number, startedAt = 0) {
  const world = new World(devices, seeded(seed), startedAt)
  const values = new Map<string, Value>()
  for (let step = 0; step < count; step++) { for (const [id, value] of world.step(1_000)) values.set(id, value); yield (id: string) => values.get(id) as number }
}

describe('the simulated world', () => {
  it('obeys V·I·PF = P, S² = P² + Q², and energy never falls', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1e6 }), (seed) => {
      let energy = 0
      for (const at of steps([meter], seed, 100)) {
        expect(at('m.voltage') * at('m.current') * at('m.power-factor') / at('m.power')).toBeCloseTo(1, 2)
        expect(Math.hypot(at('m.power'), at('m.reactive-power')) / at('m.apparent-power')).toBeCloseTo(1, 2)
        expect(at('m.energy-import')).toBeGreaterThanOrEqual(energy)
        energy = at('m.energy-import')
        expect([at('m.energy-export'), Math.round(at('m.frequency'))]).toEqual([0, 50])
      }
    }), { numRuns: 20 })
  })
  it('adds three phases up', () => {
    for (const at of steps([three], 7, 50)) expect(at('t.power-l1') + at('t.power-l2') + at('t.power-l3')).toBeCloseTo(at('t.power'), 0)
  })
  it('opens doors and closes them again, lets paper run out and be refilled, and leaves smoke contacts and relays alone', () => {
    const devices = [device('d', [point({ id: 'd.open', type: 'boolean' }), point({ id: 'd.smoke', type: 'boolean' }), point({ id: 'd.relay', type: 'boolean', writable: true })]), device('k', [point({ id: 'k.paper', unit: '%' }), point({ id: 'k.printer', type: 'string' })])]
    const seen = { open: new Set(), smoke: new Set(), relay: new Set(), paper: new Set<number>(), printer: new Set() }
    for (const at of steps(devices, 3, 3_000)) { seen.open.add(at('d.open')); seen.smoke.add(at('d.smoke')); seen.relay.add(at('d.relay')); seen.paper.add(at('k.paper')); seen.printer.add(at('k.printer')) }
    expect([[...seen.open].toSorted(), [...seen.smoke], [...seen.relay], [...seen.printer].toSorted()]).toEqual([[false, true], [false], [undefined], ['no-paper', 'ok']])
    expect(seen.paper.has(0) && seen.paper.has(100)).toBe(true)
  })
  it('adds totals up in every unit: watts to kilowatts, apparent to reactive, power factor to both', () => {
    const total = device('x', [...three.points.map(({ id, ...rest }) => point({ ...rest, id: id.replace('t.', 'x.') })), point({ id: 'x.total', unit: 'kW' }), point({ id: 'x.apparent', unit: 'kV.A' }), point({ id: 'x.reactive', unit: 'kvar' }), point({ id: 'x.power-factor', unit: '1' }), point({ id: 'x.voltage-l1-l2', unit: 'V' }), point({ id: 'x.current', unit: 'mA' })])
    for (const at of steps([total], 11, 50)) {
      expect(at('x.total')).toBeCloseTo(at('x.power') / 1_000, 3)
      expect(Math.hypot(at('x.total'), at('x.reactive'))).toBeCloseTo(at('x.apparent'), 3)
      expect(at('x.total') / at('x.apparent')).toBeCloseTo(at('x.power-factor'), 3)
      expect(at('x.voltage-l1-l2') / at('x.voltage-l1')).toBeCloseTo(Math.sqrt(3), 0)
      expect(at('x.current') / 1_000).toBeCloseTo(at('x.current-l1') + at('x.current-l2') + at('x.current-l3'), 2)
    }
  })
  it('lets energy go on rising over a restart of the simulator, a phase and the total alike', () => {
    const counters = device('e', [point({ id: 'e.power', unit: 'W' }), point({ id: 'e.energy-l1', unit: 'kW.h' }), point({ id: 'e.energy-l2', unit: 'kW.h' }), point({ id: 'e.energy-l3', unit: 'kW.h' }), point({ id: 'e.energy', unit: 'W.h' }), point({ id: 'e.reactive-energy', unit: 'kvar.h' })])
    fc.assert(fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 10, max: 400 }), (first, second, seconds) => {
      const start = Date.UTC(2026, 10, 1)
      const before = [...steps([counters], first, seconds, start)].at(-1)!
      const last = counters.points.slice(1).map(({ id }) => before(id))
      const after = steps([counters], second, 1, start + seconds * 1_000).next().value!
      counters.points.slice(1).forEach(({ id }, index) => { expect(after(id)).toBeGreaterThanOrEqual(last[index]!) })
      expect(after('e.energy-l1') + after('e.energy-l2') + after('e.energy-l3')).toBeCloseTo(after('e.energy') / 1_000, 1)
    }), { numRuns: 20 })
  })
  it('keeps every value between min and max and inside what the register holds; a counter wraps there', () => {
    const unit = fc.constantFrom('V', 'A', 'W', 'kW', 'Hz', 'kW.h', 'W.h', 'Cel', '%', 'lx', '1', 'm3', 'bar', 'mA', 'K')
    const spec = fc.record({ unit, name: fc.constantFrom('a', 'energy', 'count', 'paper', 'power-factor', 'volume'), format: fc.constantFrom('u16', 's16', 'u32', 'f32'), scale: fc.constantFrom(1, 0.1, 0.001, -0.1, 10), limits: fc.option(fc.tuple(fc.integer({ min: -500, max: 500 }), fc.integer({ min: 0, max: 500 }))) })
    fc.assert(fc.property(fc.array(spec, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(0, Date.UTC(2027, 5, 1)), (specs, seed, startedAt) => {
      const points = specs.map(({ unit: each, name, format, scale, limits }, index) => point({ id: `d${index}.${name}`, deviceId: `d${index}`, unit: each, scale, address: { table: 'input', register: 0, format }, ...(limits ? { min: limits[0], max: limits[0] + limits[1] } : {}) }))
      for (const at of steps(points.map((each) => device(each.deviceId, [each])), seed, 30, startedAt)) for (const each of points) {
        const { low, high } = limitsOf(each)
        expect(at(each.id)).toBeGreaterThanOrEqual(low)
        expect(at(each.id)).toBeLessThanOrEqual(high)
      }
    }), { numRuns: 100 })
    const small = device('s', [point({ id: 's.count', address: { table: 'input', register: 0, format: 'u16' } })])
    const counted: number[] = []
    for (const at of steps([small], 1, 65_540)) counted.push(at('s.count'))
    expect(counted.slice(65_533, 65_537)).toEqual([65_534, 65_535, 1, 2])
  })
  it('takes the words of a profile\'s own map, and the printer\'s word for no paper', () => {
    const map = { READY: 'ready', PAPER_OUT: 'paper out', JAM: 'jammed' }
    const terminal = device('k', [point({ id: 'k.paper', unit: '%' }), point({ id: 'k.printer', type: 'string', address: { map } }), point({ id: 'k.state', type: 'string', address: { map: { A: 'normal', B: 'busy' } } }), point({ id: 'k.mode', address: { map: { eco: 1, comfort: 2 } } })])
    const seen = { printer: new Set<Value>(), state: new Set<Value>(), mode: new Set<Value>() }
    for (const at of steps([terminal], 3, 3_000)) {
      expect(at('k.printer')).toBe((at('k.paper') === 0 ? 'paper out' : 'ready') as never)
      for (const name of ['printer', 'state', 'mode'] as const) seen[name].add(at(`k.${name}`))
    }
    expect([[...seen.printer].toSorted(), [...seen.state].toSorted(), [...seen.mode].toSorted()]).toEqual([['paper out', 'ready'], ['busy', 'normal'], [1, 2]])
  })
  it('forces a door seldom, and says held only of one that stands open', () => {
    const doors = device('d', [point({ id: 'd.open', type: 'boolean' }), point({ id: 'd.forced', type: 'boolean' }), point({ id: 'd.held', type: 'boolean' })])
    let [openings, forcings, holds, was] = [0, 0, 0, { open: false, forced: false, held: false }]
    for (const at of steps([doors], 5, 60_000)) {
      const now = { open: at('d.open') as unknown as boolean, forced: at('d.forced') as unknown as boolean, held: at('d.held') as unknown as boolean }
      if (!now.open) expect([now.forced, now.held]).toEqual([false, false])
      if (now.open && !was.open) { openings++; expect(now.held).toBe(false) }
      if (now.forced && !was.forced) forcings++
      if (now.held && !was.held) holds++
      was = now
    }
    expect(forcings).toBeGreaterThan(0)
    expect(forcings / openings).toBeLessThan(0.05)
    expect(holds).toBeGreaterThan(0)
    expect(holds / openings).toBeLessThan(0.1)
  })
  it('is the same for the same seed', () => {
    const run = () => [...steps([meter], 5, 20)].map((at) => at('m.power'))
    expect(run()).toEqual(run())
  })
})
