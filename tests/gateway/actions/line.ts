import type { Clock, ConnectionConfig, Effect, PointWriter, Rule, Value, WritePoint } from '../../../gateway/contract/index.ts'
import { randomHex, silentLog, systemClock, systemRandom } from '../../../gateway/kit/index.ts'
import { ActionRunner, writeState, type LocalBus } from '../../../gateway/actions/index.ts'
import { Feed } from '../../../gateway/feed.ts'
import { LiveValues } from '../../../gateway/live.ts'
import { toRaw } from '../../../gateway/normalise.ts'
import { Pipeline } from '../../../gateway/pipeline.ts'
import { Repeats } from '../../../gateway/repeats.ts'
import { openJournal } from '../../../gateway/store/index.ts'
import { Supervisor } from '../../../gateway/supervisor.ts'
import { TelemetryBranch } from '../../../gateway/telemetry.ts'
import { TimeKeeper } from '../../../gateway/time.ts'
import { driverRegistry } from '../../../drivers/registry.ts'
import { createAlertDesk } from '../../../rules/alerts/desk.ts'
import { createEngine } from '../../../rules/engine.ts'
import { plainEncoder } from '../../support/encoder.ts'
import { modbusConfig } from '../../drivers/modbus/support.ts'
import { usualAlerts } from '../../support/alerts.ts'

/** A contact that rules watch, and a relay that they write, each a Modbus unit of its own. */
export const building = (port: number, timeout = '500ms') => modbusConfig(port, {
  hall: { unitId: 1, points: { contact: { table: 'discrete', register: 0, pollMs: 20 } } },
  alarm: { unitId: 2, points: { horn: { table: 'coil', register: 0, writable: true, pollMs: 600_000 }, light: { table: 'coil', register: 1, writable: true, pollMs: 600_000 } } },
}, { timeout })

/** Switches the horn with the contact; `log`, once more for each change of it. */
export function follow(overrides: Partial<WritePoint> = {}, id = 'follow'): Rule {
  let last: Value | null = null
  return {
    id, watches: ['hall.contact'],
    step(input) {
      if (!('reading' in input) || input.reading.value === null || input.reading.value === last) return { effects: [] }
      const first = last === null
      last = input.reading.value
      const effect: Effect = { kind: 'write', ruleId: id, at: input.reading.receivedAt, point: 'alarm.horn', value: last, deadlineMs: 5_000, ...overrides }
      return { effects: first ? [] : [effect], changed: true }
    },
    state: () => last,
    restore(state) { if (typeof state === 'boolean') last = state },
  }
}

export interface LineOptions { readonly folder: string; readonly connection: ConnectionConfig; readonly rules: readonly Rule[]; readonly clock?: Clock; readonly bus?: LocalBus; readonly wrap?: (writer: PointWriter) => PointWriter }

/** Devices, rules, alerts, actions and the journal, wired as in the gateway. */
export async function openLine({ folder, connection, rules, clock = systemClock, bus = { publish: async () => {} }, wrap = (writer) => writer }: LineOptions) {
  await using stack = new AsyncDisposableStack()
  const log = silentLog()
  const journal = stack.use(await openJournal({ folder, encoder: plainEncoder(), clock: systemClock, random: systemRandom, log, commitMs: 5, maxBytes: 1 << 28, shares: {}, selections: [] }))
  const reader = await journal.reader('city', { from: 'start' })
  const live = new LiveValues([connection])
  const engine = createEngine(rules)
  engine.restore(await journal.state.entries('rule/'))
  const desk = createAlertDesk({ config: usualAlerts, newId: () => randomHex(8) })
  desk.restore(await journal.state.entries('alert/'))
  const kit = { clock, random: systemRandom, log, hashIdentity: (value: string) => value, readSecret: async () => '', recall: async () => undefined }
  const supervisor = new Supervisor({ config: connection, entry: driverRegistry[connection.driver]!, kit, clock, random: systemRandom, log, accept: (id, intake) => pipeline.accept(id, intake) })
  const writer = wrap({ write: (id, value, signal) => { const point = live.points.get(id)!; return supervisor.write(point, toRaw(value, point), signal) } })
  const actions = new ActionRunner({
    clock, log, writer, bus, newId: () => randomHex(8), point: (id) => live.points.get(id), whenUp: () => supervisor.whenUp(), record: (...batch) => pipeline.record(...batch),
    conditions: { raise: (condition) => pipeline.conditions().raise(condition), clear: (key) => pipeline.conditions().clear(key) },
  })
  const pipeline: Pipeline = new Pipeline({ journal, live, telemetry: new TelemetryBranch(live.points), repeats: new Repeats(), engine, desk, actions, feed: new Feed(), time: new TimeKeeper(clock, () => true), clock, log })
  await actions.restore(await journal.state.entries(writeState))
  pipeline.start()
  stack.defer(() => pipeline.stop())
  const stop = new AbortController()
  const running = supervisor.run(stop.signal)
  stack.defer(async () => { stop.abort(); await running })
  stack.use(actions)
  const owned = stack.move()
  return { journal, reader, live, desk, engine, actions, pipeline, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
export type Line = Awaited<ReturnType<typeof openLine>>
