import { randomHex } from '../kit/index.ts'
import { createAlertDesk, createEngine, createRules } from '../../rules/index.ts'
import type { Feed } from '../feed.ts'
import type { FileHistory } from '../history/index.ts'
import type { LiveValues } from '../live.ts'
import { Pipeline } from '../pipeline.ts'
import { Repeats } from '../repeats.ts'
import { TelemetryBranch } from '../telemetry.ts'
import type { TimeKeeper } from '../time.ts'
import type { Basics } from './basics.ts'
import type { Store } from './store.ts'

export interface DecisionOptions extends Basics {
  readonly store: Store
  readonly live: LiveValues
  readonly feed: Feed
  readonly time: TimeKeeper
  readonly history?: FileHistory | undefined
}

/** Rules, alerts and the line that feeds them, as the last life left them. */
export async function openDecisions({ site, log, clock, store: { journal }, live, feed, time, history }: DecisionOptions) {
  const engine = createEngine(createRules(site.decisions.rules))
  engine.restore(await journal.state.entries('rule/'))
  const desk = createAlertDesk({ newId: () => randomHex(8) })
  desk.restore(await journal.state.entries('alert/'))
  const repeats = new Repeats()
  repeats.restore(await journal.state.entries('seen/'))
  const telemetry = new TelemetryBranch(live.points)
  const pipeline = new Pipeline({ journal, live, telemetry, repeats, engine, desk, feed, time, clock, log, ...(history ? { history } : {}) })
  return { engine, desk, repeats, telemetry, pipeline, conditions: pipeline.conditions() }
}

export type OpenedDecisions = Awaited<ReturnType<typeof openDecisions>>
