import type { DeviceConfig, PointConfig, Reading } from '../../gateway/contract/index.ts'

/** A point with plain defaults; override what the test is about. */
export function point(overrides: Partial<PointConfig> & { readonly id: string }): PointConfig {
  return {
    deviceId: overrides.id.split('.')[0]!, name: { zh: overrides.id, en: overrides.id }, type: 'number', scale: 1, offset: 0, sentinels: [], invert: false,
    deadband: 0, heartbeatMs: 600_000, pollMs: 1_000, urgent: false, writable: false, cityWrite: false, address: {}, ...overrides,
  }
}

export function device(id: string, points: readonly PointConfig[]): DeviceConfig {
  return { id, name: { zh: id, en: id }, connectionId: 'line', settings: {}, points }
}

export function reading(pointId: string, value: Reading['value'], at = 0, overrides: Partial<Reading> = {}): Reading {
  return { pointId, value, at, receivedAt: at, quality: value === null ? 'bad' : 'good', ...overrides }
}
