import type { EpochMs, PointConfig, PointId, Reading } from './contract/index.ts'

const minute = 60_000

interface Window { readonly from: EpochMs; readonly ends: EpochMs; count: number; min: number; max: number; last: Reading }

/** Law 7: how long telemetry is summarised over at a given fill of the quota; 0 is not at all. */
export function thinningMs(fill: number): number {
  if (fill > 0.8) return 15 * minute
  return fill > 0.6 ? minute : 0
}

/**
 * Chooses what goes to the city: deadband and heartbeat (law 12), thinning under pressure (law 7). Pure memory, one entry a point.
 * A change of quality always passes. What is held back is counted in `suppressed`.
 */
export class TelemetryBranch {
  readonly #points: ReadonlyMap<PointId, PointConfig>
  readonly #sent = new Map<PointId, Reading>()
  readonly #windows = new Map<PointId, Window>()
  suppressed = 0
  summarised = 0

  constructor(points: ReadonlyMap<PointId, PointConfig>) { this.#points = points }

  select(reading: Reading, thinMs: number): readonly Reading[] {
    const point = this.#points.get(reading.pointId)
    const last = this.#sent.get(reading.pointId)
    if (!point || (last && !isNews(reading, last, point.deadband))) { this.suppressed++; return [] }
    this.#sent.set(reading.pointId, reading)
    const window = this.#windows.get(reading.pointId)
    const summable = typeof reading.value === 'number' && reading.quality === 'good' && !point.urgent
    if (!summable || (thinMs === 0 && !window)) return window ? [this.#close(window), reading] : [reading]
    if (thinMs === 0) return [this.#close(window!), reading]
    return this.#add(reading, reading.value as number, thinMs)
  }

  /** The city has it from the gateway before. */
  resume(reading: Reading): void { this.#sent.set(reading.pointId, reading) }

  /** Heartbeats that are due, from the live values, and windows that ended. Call about once a second. */
  due(now: EpochMs, live: Iterable<Reading>, confirmedAt: (reading: Reading) => EpochMs): readonly Reading[] {
    const out: Reading[] = []
    for (const window of this.#windows.values()) if (now >= window.ends) out.push(this.#close(window))
    for (const reading of live) {
      const last = this.#sent.get(reading.pointId)
      const point = this.#points.get(reading.pointId)
      if (!last || !point || now - last.receivedAt < point.heartbeatMs) continue
      const repeat: Reading = { ...reading, at: confirmedAt(reading), receivedAt: now }
      this.#sent.set(reading.pointId, repeat)
      out.push(repeat)
    }
    return out
  }

  /** What still waits in windows, for a clean stop. */
  flush(): readonly Reading[] { return [...this.#windows.values()].map((window) => this.#close(window)) }

  #add(reading: Reading, value: number, thinMs: number): readonly Reading[] {
    const window = this.#windows.get(reading.pointId)
    if (!window) {
      const from = reading.receivedAt
      this.#windows.set(reading.pointId, { from, ends: from + thinMs, count: 1, min: value, max: value, last: reading })
      return []
    }
    window.count++
    window.min = Math.min(window.min, value)
    window.max = Math.max(window.max, value)
    window.last = reading
    this.summarised++
    return []
  }

  #close(window: Window): Reading {
    this.#windows.delete(window.last.pointId)
    const { count, min, max, from } = window
    return { ...window.last, summary: { count, min, max, from } }
  }
}

function isNews(reading: Reading, last: Reading, deadband: number): boolean {
  if (reading.quality !== last.quality || reading.reason !== last.reason) return true
  if (typeof reading.value === 'number' && typeof last.value === 'number') {
    const change = Math.abs(reading.value - last.value)
    return deadband > 0 ? change >= deadband : change > 0
  }
  return reading.value !== last.value
}
