import type { Alert, EpochMs, GatewayEvent, JsonObject } from '../../gateway/contract/index.ts'
import type { Told } from './roster.ts'

export interface StepFacts {
  readonly at: EpochMs
  /** The step: raised, cleared, acknowledged … */
  readonly state: string
  /** What the step says; of a raise or clear also what the rule says. */
  readonly data?: JsonObject
  readonly by?: string
  readonly origin?: string
  /** Id of a person's act. */
  readonly act?: string
  readonly told?: Told
}

/** A step in the life of an alert as the city, the channels and the page hear it. What a rule says never overwrites what the desk says. */
export function stepEvent(alert: Alert, { at, state, data = {}, by, origin, act, told }: StepFacts): GatewayEvent {
  const { id, key, ruleId, severity, title, state: phase, condition, count, raisedAt, deviceId, place, mode, suppressedBy, due, reopened } = alert
  return {
    stream: 'alert', type: 'alert', at, subject: id, ...(mode === undefined ? {} : { mode }),
    data: {
      ...data, id, key, rule: ruleId, severity, title: { ...title }, state, phase, condition, count, raisedAt,
      ...(deviceId === undefined ? {} : { device: deviceId }), ...(place === undefined ? {} : { place }),
      ...(by === undefined ? {} : { by }), ...(origin === undefined ? {} : { origin }), ...(act === undefined ? {} : { act }),
      ...(suppressedBy === undefined ? {} : { suppressedBy }), ...(reopened > 0 ? { reopened } : {}),
      ...(asks.has(state) && Object.keys(due).length > 0 ? { due: { ...due } } : {}),
      ...(told && told.notify.length > 0 ? { notify: told.notify } : {}), ...(told && told.mention.length > 0 ? { mention: told.mention } : {}),
    },
  }
}

const asks = new Set(['raised', 'reopened', 'released'])
