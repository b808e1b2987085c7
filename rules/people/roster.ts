import type { Alert, EpochMs, SecretRef } from '../../gateway/contract/index.ts'
import type { EscalationStep, Roster, Told } from '../alerts/roster.ts'
import type { EscalationConfig, PersonConfig, ShiftConfig } from './schema.ts'
import { createShifts, type OnDuty } from './shifts.ts'

export interface PeopleConfig {
  readonly people: readonly PersonConfig[]
  readonly shifts: readonly ShiftConfig[]
  readonly escalation: readonly EscalationConfig[]
  readonly timezone: string
}

type Step = EscalationConfig['steps'][number]

/** Whom the desk tells of an alert, when. Without an entry that fits it tells nobody, and deadlines are shown all the same. */
export function createRoster({ people, shifts, escalation, timezone }: PeopleConfig): Roster {
  const onDuty = createShifts(shifts, timezone)
  const byId = new Map(people.map((person) => [person.id, person]))
  const stepsOf = (alert: Alert): readonly Step[] => escalation.find((entry) => fits(entry, alert))?.steps ?? []
  const later = (alert: Alert): readonly Step[] => stepsOf(alert).filter(({ after }) => after > 0)
  const told = (steps: readonly Step[], at: EpochMs): Told => {
    const mention = [...new Set(steps.flatMap(({ to }) => to.flatMap((target) => personsOf(target, at, people, onDuty))))]
    return { mention, notify: [...new Set([...steps.flatMap(({ channels }) => channels), ...mention.flatMap((id) => byId.get(id)?.channels ?? [])])] }
  }
  return {
    first: (alert, at) => told(stepsOf(alert).filter(({ after }) => after === 0), at),
    steps: (alert) => later(alert).map(({ after, until }): EscalationStep => ({ afterMs: after, until })),
    escalate: (alert, step, at) => told(later(alert).slice(step, step + 1), at),
  }
}

/** For channels that call or mention. */
export const phoneOf = (people: readonly PersonConfig[]) => (id: string): SecretRef | undefined => people.find((person) => person.id === id)?.phone

function fits({ severities, rules, places }: EscalationConfig, { severity, ruleId, place }: Alert): boolean {
  return (severities?.includes(severity) ?? true) && (rules?.includes(ruleId) ?? true) && (places === undefined || (place !== undefined && places.includes(place)))
}

function personsOf(target: Step['to'][number], at: EpochMs, people: readonly PersonConfig[], onDuty: OnDuty): readonly string[] {
  if ('person' in target) return [target.person]
  if ('duty' in target) return onDuty(target.duty, at)
  return people.flatMap(({ id, role }) => (role === target.role ? [id] : []))
}
