import { createHash } from 'node:crypto'
import type { ConnectionConfig, Label, PointId } from '../../gateway/contract/index.ts'

export type CheckKind = 'switch' | 'measure' | 'text'

/** One point that somebody moves by hand while the gateway looks on. */
export interface Check {
  readonly point: PointId
  readonly deviceId: string
  readonly device: Label
  readonly name: Label
  readonly place?: string
  readonly kind: CheckKind
  readonly unit?: string
  /** What is to be done, in one sentence. */
  readonly ask: Label
  /** In scaled units: less is noise. */
  readonly least: number
  /** How long it may come after another: both leaves of a door, a relay that follows, a device that is asked less often. */
  readonly graceMs: number
  /** Changes with what the site file says of how it is read: a result holds for one wiring only. */
  readonly wiring: string
}

const leastGraceMs = 3_000
const mostGraceMs = 30_000
/** A number that moves by less is not believed to have been moved by somebody. */
const leastShare = 0.02

/**
 * Every point that reads something of the building, in the order of the site file. What is written is tried by `linli write` and its
 * read-back, and counters that only ever rise move by themselves: neither tells which wire it is on, but a load that is switched on does.
 */
export function checklistOf(connections: readonly ConnectionConfig[]): readonly Check[] {
  return connections.flatMap(({ id: connection, driver, settings, devices }) => devices.flatMap((device) => device.points.filter(({ writable }) => !writable).map((point): Check => {
    const kind: CheckKind = point.type === 'boolean' ? 'switch' : point.type === 'number' ? 'measure' : 'text'
    return {
      point: point.id, deviceId: device.id, device: device.name, name: point.name, kind, least: point.deadband, graceMs: Math.min(mostGraceMs, Math.max(leastGraceMs, 2 * point.pollMs)),
      wiring: createHash('sha256').update(JSON.stringify([connection, driver, settings, device.settings, point])).digest('hex').slice(0, 16),
      ask: asks[kind](device.name, point.name), ...(device.place === undefined ? {} : { place: device.place }), ...(point.unit === undefined ? {} : { unit: point.unit }),
    }
  })))
}

const asks: Readonly<Record<CheckKind, (device: Label, point: Label) => Label>> = {
  switch: (device, point) => ({ zh: `请触发「${device.zh}·${point.zh}」：开门、按按钮或做它的动作测试`, en: `move "${device.en}: ${point.en}": open the door, press the button, or use its test` }),
  measure: (device, point) => ({ zh: `请让「${device.zh}·${point.zh}」变化：用手捂热传感器、接通负载`, en: `make "${device.en}: ${point.en}" change: warm the sensor in your hand, switch a load on` }),
  text: (device, point) => ({ zh: `请让「${device.zh}·${point.zh}」换一个状态`, en: `bring "${device.en}: ${point.en}" into another state` }),
}

/** Whether a change is one that somebody made. */
export function isMoved({ kind, least }: Pick<Check, 'kind' | 'least'>, before: unknown, after: unknown): boolean {
  if (kind !== 'measure') return before !== after
  return typeof before === 'number' && typeof after === 'number' && Math.abs(after - before) > Math.max(least, Math.abs(before) * leastShare)
}
