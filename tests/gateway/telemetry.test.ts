import { describe, expect, it } from 'vitest'
import { TelemetryBranch, thinningMs } from '../../gateway/telemetry.ts'
import { point, reading } from '../support/points.ts'

const branch = (overrides = {}) => new TelemetryBranch(new Map([['a.t', point({ id: 'a.t', deadband: 0.5, heartbeatMs: 60_000, ...overrides })]]))

describe('the telemetry branch', () => {
  it('holds back changes within the deadband and counts them', () => {
    const telemetry = branch()
    expect(telemetry.select(reading('a.t', 20), 0)).toHaveLength(1)
    expect(telemetry.select(reading('a.t', 20.4), 0)).toHaveLength(0)
    expect(telemetry.select(reading('a.t', 20.5), 0)).toHaveLength(1)
    expect(telemetry.suppressed).toBe(1)
  })
  it('measures the deadband from what was sent, so that a slow drift is not lost', () => {
    const telemetry = branch()
    const sent = Array.from({ length: 21 }, (_, index) => telemetry.select(reading('a.t', 20 + index / 10), 0)).flat()
    expect(sent.map(({ value }) => value)).toEqual([20, 20.5, 21, 21.5, 22])
  })
  it('always passes a change of quality, also without a value', () => {
    const telemetry = branch()
    telemetry.select(reading('a.t', 20), 0)
    expect(telemetry.select(reading('a.t', null, 1, { reason: 'MODBUS_TIMEOUT' }), 0)).toHaveLength(1)
    expect(telemetry.select(reading('a.t', null, 2, { reason: 'MODBUS_TIMEOUT' }), 0)).toHaveLength(0)
    expect(telemetry.select(reading('a.t', 20, 3), 0)).toHaveLength(1)
  })
  it('repeats an unchanged value at its heartbeat, stamped with when it was last confirmed', () => {
    const telemetry = branch()
    const live = reading('a.t', 20, 1_000)
    telemetry.select(live, 0)
    expect(telemetry.due(60_999, [live], () => 60_500)).toEqual([])
    expect(telemetry.due(61_000, [live], () => 60_500)).toEqual([{ ...live, at: 60_500, receivedAt: 61_000 }])
    expect(telemetry.due(62_000, [live], () => 61_500)).toEqual([])
  })
  it('summarises under pressure as min, max, last and count, and loses no reading from the count', () => {
    const telemetry = branch({ deadband: 0 })
    for (const [index, value] of [5, 9, 2, 7].entries()) expect(telemetry.select(reading('a.t', value, index), 60_000)).toEqual([])
    expect(telemetry.due(59_999, [], (item) => item.at)).toEqual([])
    expect(telemetry.due(60_000, [], (item) => item.at)).toEqual([{ ...reading('a.t', 7, 3), summary: { count: 4, min: 2, max: 9, from: 0 } }])
  })
  it('closes the summary before a change of quality, so that order is kept', () => {
    const telemetry = branch({ deadband: 0 })
    telemetry.select(reading('a.t', 5, 0), 60_000)
    const out = telemetry.select(reading('a.t', null, 1, { reason: 'DEVICE_OFFLINE' }), 60_000)
    expect(out.map(({ value }) => value)).toEqual([5, null])
  })
  it('never thins an urgent point, and thins harder as the quota fills', () => {
    expect(branch({ urgent: true }).select(reading('a.t', 5), 60_000)).toHaveLength(1)
    expect([0.1, 0.6, 0.61, 0.81].map(thinningMs)).toEqual([0, 0, 60_000, 900_000])
  })
})
