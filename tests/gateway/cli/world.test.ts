import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Value } from '../../../gateway/contract/index.ts'
import { World } from '../../../gateway/cli/simulate/world.ts'
import { device, point } from '../../support/points.ts'

const meter = device('m', [
  ['voltage', 'V'], ['current', 'A'], ['power', 'W'], ['apparent-power', 'V.A'], ['reactive-power', 'var'], ['power-factor', '1'], ['energy-import', 'kW.h'], ['energy-export', 'kW.h'], ['frequency', 'Hz'],
].map(([name, unit]) => point({ id: `m.${name}`, unit: unit! })))
const three = device('t', [...[1, 2, 3].flatMap((phase) => [point({ id: `t.voltage-l${phase}`, unit: 'V' }), point({ id: `t.current-l${phase}`, unit: 'A' }), point({ id: `t.power-l${phase}`, unit: 'W' })]), point({ id: 't.power', unit: 'W' })])

const seeded = (seed: number) => { let state = seed; return () => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff }
function* steps(devices: readonly ReturnType<typeof device>[], seed: number, count: number) {
  const world = new World(devices, seeded(seed))
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
  it('is the same for the same seed', () => {
    const run = () => [...steps([meter], 5, 20)].map((at) => at('m.power'))
    expect(run()).toEqual(run())
  })
})
