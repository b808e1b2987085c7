import type { Alert, EpochMs } from '../../gateway/contract/index.ts'

/** Who is told: channels of the site file, and people to be named in the message. */
export interface Told { readonly notify: readonly string[]; readonly mention: readonly string[] }
export const nobody: Told = { notify: [], mention: [] }

/** One step of an escalation. `afterMs`: since it waits for somebody. `until`: what makes the step needless. */
export interface EscalationStep { readonly afterMs: number; readonly until: 'acknowledged' | 'resolved' }

/** What the desk needs to know of people; rules/people gives it. */
export interface Roster {
  /** At the moment it is raised. */
  first(alert: Alert, at: EpochMs): Told
  /** In order of time, those at once left out. */
  steps(alert: Alert): readonly EscalationStep[]
  escalate(alert: Alert, step: number, at: EpochMs): Told
}

export const noRoster: Roster = { first: () => nobody, steps: () => [], escalate: () => nobody }
