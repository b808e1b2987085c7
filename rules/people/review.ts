import type { Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import type { EscalationConfig, PersonConfig, ShiftConfig } from './schema.ts'

type Open<T> = readonly (T | null)[] | null

export interface OpenPeople { readonly people: Open<PersonConfig>; readonly shifts: Open<ShiftConfig>; readonly escalation: Open<EscalationConfig>; readonly channels: Open<{ readonly id: string }> }

const idsOf = (list: Open<{ readonly id: string }>): readonly string[] => (list ?? []).flatMap((entry) => entry?.id ?? [])

/** Names of persons, roles, shifts and channels that nobody has. */
export function reviewPeople({ people, shifts, escalation, channels }: OpenPeople): readonly Review[] {
  const known = { channel: idsOf(channels), person: idsOf(people), duty: idsOf(shifts), role: [...new Set((people ?? []).flatMap((person) => person?.role ?? []))] }
  const words = { channel: 'channel', person: 'person', duty: 'shift', role: 'person with role' }
  const look = (kind: keyof typeof known, name: string, path: Review['path']): readonly Review[] =>
    (known[kind].includes(name) ? [] : [{ path, message: `no ${words[kind]} "${name}"${didYouMean(name, known[kind])}` }])
  return [
    ...(people ?? []).flatMap((person, at) => (person?.channels ?? []).flatMap((name, index) => look('channel', name, ['people', at, 'channels', index]))),
    ...(shifts ?? []).flatMap((shift, at) => (shift?.plan ?? []).flatMap((plan, part) => plan.people.flatMap((name, index) => look('person', name, ['shifts', at, 'plan', part, 'people', index])))),
    ...(escalation ?? []).flatMap((entry, at) => (entry?.steps ?? []).flatMap((step, part) => {
      const path = ['escalation', at, 'steps', part]
      const targets = step.to.flatMap((target, index) => Object.entries(target).flatMap(([kind, name]) => look(kind as 'person', name, [...path, 'to', index, kind])))
      return [...step.channels.flatMap((name, index) => look('channel', name, [...path, 'channels', index])), ...targets, ...reachable(step, people, path)]
    })),
  ]
}

/** A step that names people who can be reached on no channel tells nobody. */
function reachable(step: EscalationConfig['steps'][number], people: Open<PersonConfig>, path: Review['path']): readonly Review[] {
  if (step.channels.length > 0 || (people ?? []).some((person) => person && person.channels.length > 0)) return []
  return [{ path, warning: true, message: `an escalation step names people and no channel, and no person has one: nobody is told. Give the step channels, or the people` }]
}
