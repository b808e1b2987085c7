import type { AlertAct, AlertDesk, ClearAlert, Effect, EpochMs, GatewayEvent, Modes, NotifyPeople, PublishLocally, RaiseAlert, Reading, RuleInput, StartScene, StateWrite, WritePoint } from './contract/index.ts'

export interface Outcome { readonly effects: readonly Exclude<Effect, StartScene>[]; readonly state: readonly StateWrite[] }

/** What the rules room gives: every rule of the site behind a few calls. */
export interface RuleEngine {
  /** In order of arrival; `others`: occurrences and device states, after the readings. */
  step(readings: readonly Reading[], others?: readonly RuleInput[]): Outcome
  tick(at: EpochMs): Outcome
  /** -Infinity before the first tick. */
  wakeAt(): EpochMs | undefined
  /** States that no batch holds yet. */
  checkpoint(): readonly StateWrite[]
  /** The batch that held them was refused. */
  unwritten(state: readonly StateWrite[], at: EpochMs): void
}

export type Action = WritePoint | PublishLocally | NotifyPeople

/** Who carries out what is more than an alert. */
export interface Actions {
  /** Begins at once, ahead of the fsync (law 1: relays run ahead). What it returns belongs into the batch of the step. Never throws. */
  take(action: Action): Batch
}

export interface Batch { readonly events: readonly GatewayEvent[]; readonly state: readonly StateWrite[] }
export const noBatch: Batch = { events: [], state: [] }

export interface ConsequenceParts {
  readonly desk: AlertDesk
  readonly actions: Actions
  readonly modes: Pick<Modes, 'of'>
}

/** What a step's effects come to: events and states for one batch. `alerts`: how many of the events are theirs. */
export function consequences(effects: Outcome['effects'], { desk, actions, modes }: ConsequenceParts): Batch & { readonly alerts: number } {
  const events: GatewayEvent[] = []
  const state: StateWrite[] = []
  const alerts: (RaiseAlert | ClearAlert)[] = []
  const acts: AlertAct[] = []
  for (const effect of effects) {
    if (effect.kind === 'raise') alerts.push(markedAlert(effect, modes))
    else if (effect.kind === 'clear') alerts.push(effect)
    else if (effect.kind === 'record') events.push(marked(effect.event, modes))
    else if (effect.kind === 'act') acts.push(effect.act)
    else {
      const begun = actions.take(effect)
      events.push(...begun.events)
      state.push(...begun.state)
    }
  }
  // In the order in which the desk would hear of them: what is raised first can be acted upon.
  const works = [...(alerts.length > 0 ? [desk.apply(alerts)] : []), ...acts.flatMap((act) => { const answer = desk.act(act, act.at); return answer.outcome === 'refused' ? [] : [answer] })]
  const told = works.flatMap((work) => work.events)
  return { events: [...events, ...told], state: [...state, ...works.flatMap((work) => work.state)], alerts: told.length }
}

/** In maintenance or a test its device's events say so. An alert's are the desk's affair. */
export function marked(event: GatewayEvent, modes: Pick<Modes, 'of'>): GatewayEvent {
  if (event.mode || event.type === 'alert' || event.subject === undefined) return event
  const mode = modes.of(event.subject)
  return mode ? { ...event, mode } : event
}

function markedAlert(effect: RaiseAlert, modes: Pick<Modes, 'of'>): RaiseAlert {
  if (effect.mode || (effect.deviceId ?? effect.place) === undefined) return effect
  const mode = modes.of(effect.deviceId, effect.place)
  return mode ? { ...effect, mode } : effect
}
