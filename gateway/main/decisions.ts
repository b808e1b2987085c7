import type { ClearAlert, EpochMs, PointId, PointWriter } from '../contract/index.ts'
import { codeOf, describe, randomHex } from '../kit/index.ts'
import { createFacilityModels } from '../../rules/facility.ts'
import { createAlertDesk, createEngine, createRoster, createRules } from '../../rules/index.ts'
import { ActionRunner, writeState, type LocalBus } from '../actions/index.ts'
import type { FileEventLog } from '../event-log/index.ts'
import type { Feed } from '../feed.ts'
import type { FileHistory } from '../history/index.ts'
import type { LiveValues } from '../live.ts'
import { MaintenanceBook, modeState } from '../modes.ts'
import { Pipeline } from '../pipeline.ts'
import { Repeats } from '../repeats.ts'
import { TelemetryBranch } from '../telemetry.ts'
import type { TimeKeeper } from '../time.ts'
import { withinPatience, type Basics } from './basics.ts'
import type { WriteGuard } from './devices.ts'
import type { Store } from './store.ts'

export interface DecisionOptions extends Basics {
  readonly store: Store
  readonly live: LiveValues
  readonly feed: Feed
  readonly time: TimeKeeper
  readonly history?: FileHistory | undefined
  readonly eventLog: FileEventLog
  readonly writer: PointWriter
  readonly bus: LocalBus
  whenUp(point: PointId): Promise<void> | null
  /** Asked before each write; what doors allow is added. */
  readonly guards: WriteGuard[]
}

/** Rules, alerts and the line that feeds them, as the last life left them. */
export async function openDecisions({ site, log, clock, store: { journal }, live, feed, time, history, eventLog, writer, bus, whenUp, guards }: DecisionOptions) {
  const newId = (): string => randomHex(8)
  const { facility } = site
  const { alerts: config, people, shifts, escalation } = site.decisions
  const desk = createAlertDesk({ newId, config, facility, roster: createRoster({ people, shifts, escalation, timezone: facility.timezone }), now: () => clock.now() })
  desk.restore(await journal.state.entries('alert/'))
  const rulesLog = log.child({ room: 'rules' })
  const models = createFacilityModels(site.decisions, facility)
  const mayWrite = models.guard(live)
  guards.push(({ id }, value, by) => mayWrite(id, value, by))
  const rules = [...createRules(site.decisions, facility, site.library), ...models.rules]
  const engine = createEngine(rules, {
    failed: desk.open().flatMap(({ key }) => failedRule(key) ?? []),
    onFailure: (rule, error) => rulesLog.error({ rule, code: codeOf(error), err: error }, `rule "${rule}" failed and is set aside: ${describe(error)}`),
  })
  engine.restore(await journal.state.entries('rule/'))
  history?.restarted(clock.now())
  const repeats = new Repeats()
  repeats.restore(await journal.state.entries('seen/'))
  const telemetry = new TelemetryBranch(live.points)
  const actions = new ActionRunner({
    clock, log: rulesLog, writer, bus, newId, whenUp, point: (id) => live.points.get(id), record: (...batch) => pipeline.record(...batch),
    conditions: { raise: (condition) => conditions.raise(condition), clear: (...condition) => conditions.clear(...condition) },
  })
  const places = [...site.decisions.doors, ...site.decisions.kiosks].flatMap(({ place }) => place ?? [])
  const modes = new MaintenanceBook({ clock, facility, places, newId, unmute: (covers, now) => desk.unmute(covers, now), record: (work) => pipeline.told(work) })
  modes.restore(await journal.state.entries(modeState))
  /** Asked once a second as long as the pipeline lives; more may be added before it starts. */
  const ticks: ((now: EpochMs) => void)[] = [(now) => modes.tick(now)]
  const pipeline: Pipeline = new Pipeline({ journal, live, telemetry, repeats, engine, desk, actions, eventLog, modes, ticks, feed, time, clock, log, enrich: (occurrence) => models.enrich(occurrence), ...(history ? { history } : {}) })
  const conditions = pipeline.conditions()
  await withinPatience(clock, actions.restore(await journal.state.entries(writeState)))
  const known = new Set([...rules.map(({ id }) => id), 'gateway', 'test'])
  const orphans = desk.open().filter(({ ruleId, condition }) => condition === 'active' && !known.has(ruleId))
  // Nothing will ever clear what a rule raised that the site file no longer has.
  if (orphans.length > 0) await withinPatience(clock, pipeline.told(desk.apply(orphans.map(({ key, ruleId }): ClearAlert => ({ kind: 'clear', key, ruleId, at: clock.now(), data: { reason: 'rule-removed' } })))))
  const views = { doors: () => models.doors(clock.now()), kiosks: () => models.kiosks(clock.now()) }
  return { engine, rules, modes, ticks, facility: views, desk, actions, repeats, telemetry, pipeline, conditions }
}

/** Of the alert that the engine raises about a rule. */
const failedRule = (key: string): string | undefined => /^rule\/(.+)\/failed$/.exec(key)?.[1]

export type OpenedDecisions = Awaited<ReturnType<typeof openDecisions>>
