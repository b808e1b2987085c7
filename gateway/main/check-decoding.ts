import type { ModbusPoint } from '../../drivers/modbus/plan.ts'
import { checkDecoding, type DecodeFinding, type Look, type Remedy } from '../../drivers/modbus/scan/decode-check.ts'
import { formatOf, isBitTable } from '../../drivers/modbus/registers.ts'
import { encodeRegisters } from '../../drivers/modbus/values.ts'
import type { Clock, ConnectionConfig, Value } from '../contract/index.ts'
import type { LiveValues } from '../live.ts'
import { toRaw } from '../normalise.ts'
import { found, type CheckFinding } from '../support/findings.ts'

/** Between two looks: every meter was polled meanwhile, and a load that changed in the middle of a poll does not look so again. */
const againMs = 2_500
const mostMeters = 200

/** Meters whose values cannot be, by physics; from what they said last, so that no line is asked for it. Both of two looks must say so. */
export async function checkMeters(connections: readonly ConnectionConfig[], live: Pick<LiveValues, 'read'>, clock: Clock): Promise<readonly CheckFinding[]> {
  const meters = connections.filter(({ driver }) => driver === 'modbus').flatMap(({ devices }) => devices as readonly { readonly points: readonly ModbusPoint[] }[]).slice(0, mostMeters)
  const suspect = meters.filter(({ points }) => judge(points, live, clock) !== null)
  if (suspect.length === 0) return []
  await clock.sleep(againMs, new AbortController().signal)
  return suspect.flatMap(({ points }) => { const finding = judge(points, live, clock); return finding ? [tell(finding)] : [] })
}

const judge = (points: readonly ModbusPoint[], live: Pick<LiveValues, 'read'>, clock: Clock): DecodeFinding | null => checkDecoding(points, [lookOf(points, live, clock)])

/** The registers as they must have been for what the points say. */
function lookOf(points: readonly ModbusPoint[], live: Pick<LiveValues, 'read'>, clock: Clock): Look {
  const registers = new Map<string, Buffer>()
  for (const point of points) {
    const reading = live.read(point.id)
    if (typeof reading?.value !== 'number' || point.type !== 'number' || isBitTable(point.address.table)) continue
    // A value beyond its format was never in a register: it says nothing of it.
    try { registers.set(point.id, encodeRegisters(point.address, rawOf(reading.value, point))) } catch { /* left out */ }
  }
  return { atMs: clock.monotonic(), registers }
}

/** Of a register of whole numbers, the whole number: 57,560,268.8 over 0.1 is a little less. */
function rawOf(value: number, point: ModbusPoint): Value {
  const raw = toRaw(value, point)
  return typeof raw === 'number' && !formatOf(point.address).startsWith('f') ? Math.round(raw) : raw
}

function tell({ code, deviceId, remedies, text }: DecodeFinding): CheckFinding {
  const set = remedies.slice(0, 4).map((each) => settingOf(deviceId, each))
  const one = remedies.length === 1
  const what = code === 'DECODE_WORD_ORDER' ? ['电表的读数互相矛盾，很可能是字序不对。', 'The meter’s values contradict each other: its word order is very likely wrong.'] as const : code === 'DECODE_SCALE' ? ['电表的读数互相矛盾，很可能是倍率不对。', 'The meter’s values contradict each other: a scale is very likely wrong.'] as const : ['电表的读数互相矛盾，设置有误。', 'The meter’s values contradict each other: something of its settings is wrong.'] as const
  const next = set.length === 0 ? ['核对型号、互感器变比和接线。', 'Compare profile, ratio of the current transformer, and wiring.'] as const
    : one ? [`在站点文件里设 ${set[0]}，再与电表显示核对。`, `In the site file set ${set[0]}, then compare with the display.`] as const
      : [`与电表显示核对，哪个值不对就设哪一项：${set.join('；或 ')}`, `Compare with the display, and set what is wrong there: ${set.join('; or ')}`] as const
  return found(code, 'warning', 'devices', [...new Set(remedies.flatMap(({ points }) => points))].join(', ') || deviceId, what, next, text)
}

/** As it is written at the device. */
function settingOf(deviceId: string, { points, wordOrder, scale }: Remedy): string {
  const keys = points.map((id) => `${id.slice(deviceId.length + 1)}: { ${wordOrder ? `wordOrder: ${wordOrder}` : `scale: ${scale!.get(id)}`} }`)
  return `devices ${deviceId}: points: { ${keys.join(', ')} }`
}
