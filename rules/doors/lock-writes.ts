import type { PointId, Review, Value } from '../../gateway/contract/index.ts'
import type { SceneConfig } from '../scenes/schema.ts'
import type { RuleConfig } from '../schema.ts'
import { allows, commandOf } from './guard.ts'
import type { DoorConfig } from './schema.ts'

type Open<T> = readonly (T | null)[] | null
export interface Writers { readonly rules: Open<RuleConfig>; readonly scenes: Open<SceneConfig> }
interface Write { readonly by: string; readonly point: PointId; readonly value: Value; readonly path: Review['path'] }

/** Rules and scenes that write a lock which its door does not let them: each of these writes would be refused. */
export function reviewLockWrites(doors: Open<DoorConfig>, writers: Writers): readonly Review[] {
  return writesOf(writers).flatMap(({ by, point, value, path }) => (doors ?? []).flatMap((door) => {
    if (door?.lock?.point !== point) return []
    const command = commandOf(door.lock, value)
    if (command === null) return [{ path: [...path, 'value'], message: `${JSON.stringify(value)} is no command of door "${door.id}": ${point} takes ${JSON.stringify(door.lock.unlocked)} to unlock and ${JSON.stringify(door.lock.locked)} to lock` }]
    if (allows(door, command, by, 'rule')) return []
    return [{ path, message: `door "${door.id}" does not let "${by}" ${command} it; add { actor: ${by}, origin: rule } to its commands.${command} if it may` }]
  }))
}

function writesOf({ rules, scenes }: Writers): readonly Write[] {
  const conditions = (rules ?? []).flatMap((rule, index) => (rule?.kind !== 'condition' ? [] : (['then', 'otherwise'] as const).flatMap((branch) => rule[branch].flatMap((action, at): Write[] =>
    ('write' in action ? [{ by: rule.id, point: action.write.point, value: action.write.value, path: ['rules', index, branch, at, 'write'] }] : [])))))
  const steps = (scenes ?? []).flatMap((scene, index) => (scene?.steps ?? []).flatMap((step, at): Write[] =>
    ('write' in step ? [{ by: scene!.id, point: step.write.point, value: step.write.value, path: ['scenes', index, 'steps', at, 'write'] }] : [])))
  return [...conditions, ...steps]
}
