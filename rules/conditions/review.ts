import type { Facility, Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { canBe, canBothBe, culprit, quantities } from '../expression/possible.ts'
import { durationText } from '../expression/parse.ts'
import type { Part } from '../expression/scope.ts'
import type { Interlock } from './actions.ts'
import { interlockOf } from './actions.ts'
import { compileCondition, scopeOf } from './compile.ts'
import type { ActionConfig, ConditionConfig } from './schema.ts'

/** Names of the site file; null where an entry could not be read, so that nothing can be said of a name that is missing. */
export interface Known { readonly schedules: ReadonlySet<string> | null; readonly scenes: ReadonlySet<string> | null; readonly channels: ReadonlySet<string> | null }
type Path = readonly (string | number)[]
export type Problem = Omit<Review, 'path'> & { readonly path: Path }

/** Everything that is wrong with one condition, and the points that decide it. Paths are below the rule. */
export function reviewCondition(config: ConditionConfig, facility: Facility, known: Known): { readonly problems: readonly Problem[]; readonly deciding: readonly string[] } {
  const dangling = reviewInputs(config.inputs, facility)
  const problems: Problem[] = [...dangling, ...reviewDuring(config, known)]
  for (const key of ['then', 'otherwise'] as const) config[key].forEach((action, index) => problems.push(...reviewAction(action, facility, known).map((problem) => ({ ...problem, path: [key, index, ...problem.path] }))))
  const inputs = Object.entries(config.inputs)
  const all = inputs.map(([, point]) => point)
  // A name that is missing would be told once more by every expression; and what cannot be read says nothing of loops.
  if (dangling.length > 0 || (known.schedules === null && /\bschedule\s*\(/.test(JSON.stringify(config)))) return { problems, deciding: [] }
  const compiled = compileCondition(config, scopeOf(config.inputs, facility, known.schedules ?? new Set()))
  if ('faults' in compiled) return { problems: [...problems, ...compiled.faults], deciding: [] }
  inputs.forEach(([name], slot) => { if (!compiled.needs.used.has(slot) && !isShown(config, name)) problems.push({ path: ['inputs', name], warning: true, message: `rule ${config.id}: the input "${name}" is used nowhere` }) })
  problems.push(...reviewTruth(config, compiled.when, compiled.clear), ...reviewMoment(config, compiled.momentary))
  for (const [key, actions] of [['then', compiled.then], ['otherwise', compiled.otherwise]] as const) actions.forEach(({ interlock, config: action }, index) => problems.push(...reviewInterlock(interlock, [key, index, ...interlockOf(action).at])))
  const deciding = [...compiled.deciding].map((slot) => all[slot]!)
  return { problems: [...problems, ...slowness(config, deciding, facility)], deciding }
}

export function reviewInputs(inputs: Readonly<Record<string, string>>, facility: Facility): Problem[] {
  return Object.entries(inputs).flatMap(([name, point]) => (facility.points.has(point) ? [] : [{ path: ['inputs', name], message: noPoint(point, facility) }]))
}

export const noPoint = (point: string, facility: Facility): string => `no point "${point}"${didYouMean(point, facility.points.keys())}`

function reviewDuring({ during }: ConditionConfig, { schedules }: Known): Problem[] {
  if (during === undefined || schedules === null) return []
  const id = during.replace(/^not /, '')
  return schedules.has(id) ? [] : [{ path: ['during'], offset: during.length - id.length, message: `no schedule "${id}"${didYouMean(id, schedules)}` }]
}

/** Points, values, channels and scenes that an action names. */
export function reviewAction(action: ActionConfig, facility: Facility, { scenes, channels }: Known): Problem[] {
  if ('write' in action) {
    const { point: id, value } = action.write
    const point = facility.points.get(id)
    if (!point) return [{ path: ['write', 'point'], message: noPoint(id, facility) }]
    if (!point.writable) return [{ path: ['write', 'point'], message: `"${id}" cannot be written; its device or profile must say writable: true` }]
    return typeof value === point.type ? [] : [{ path: ['write', 'value'], message: `"${id}" takes a ${point.type}, this is a ${typeof value}` }]
  }
  if ('notify' in action) return action.notify.channels.flatMap((id, index) => (channels === null || channels.has(id) ? [] : [{ path: ['notify', 'channels', index], message: `no channel "${id}"${didYouMean(id, channels)}` }]))
  if ('scene' in action && scenes !== null && !scenes.has(action.scene)) return [{ path: ['scene'], message: `no scene "${action.scene}"${didYouMean(action.scene, scenes)}` }]
  return []
}

export function reviewInterlock({ onlyIf, unless }: Interlock, path: Path): Problem[] {
  return [
    ...(onlyIf && !canBe(onlyIf, true) ? [{ path: [...path, 'onlyIf'], offset: culprit(onlyIf, true).start, message: 'this can never be true, so the action is never carried out' }] : []),
    ...(unless && !canBe(unless, false) ? [{ path: [...path, 'unless'], offset: culprit(unless, false).start, message: 'this is always true, so the action is never carried out' }] : []),
  ]
}

function reviewTruth({ id, when: text, during }: ConditionConfig, when: Part, clear: Part | undefined): Problem[] {
  const problems: Problem[] = []
  const never = (part: Part, wanted: boolean, of: string) => { const { start, end } = culprit(part, wanted); return { offset: start, quoted: of.slice(start, end) } }
  if (!canBe(when, true)) { const { offset, quoted } = never(when, true, text); problems.push({ path: ['when'], offset, message: `this rule can never fire: ${quoted} cannot be true` }) }
  else if (!canBe(when, false) && during === undefined) { const { offset, quoted } = never(when, false, text); problems.push({ path: ['when'], offset, message: `this rule fires at once and for ever: ${quoted} is always true` }) }
  if (!clear) return problems
  if (!canBe(clear, true)) problems.push({ path: ['clear'], offset: culprit(clear, true).start, message: 'this can never be true, so the alert never clears; leave clear out to clear when "when" is false' })
  const about = new Set([...quantities(when), ...quantities(clear)])
  if (about.size === 1 && canBe(when, true) && canBothBe(when, clear)) problems.push({ path: ['clear'], warning: true, message: `rule ${id}: "when" and "clear" can be true at once, so it would come and go; let "clear" begin where "when" has ended` })
  return problems
}

function reviewMoment(config: ConditionConfig, momentary: boolean): Problem[] {
  if (!momentary) return []
  const why = 'changed() is true for a moment only'
  return [
    ...(config.for > 0 ? [{ path: ['for'], message: `${why}, so a "for" would never end; use since(), or give a "clear"` }] : []),
    ...(config.otherwise.length > 0 ? [{ path: ['otherwise'], message: `${why}, and nothing ends it; give a "clear"` }] : []),
  ]
}

/** Two seconds from the sensor to the sounder is what an alarm may take. */
const alarmMs = 2_000
export function slowness({ id, severity, for: forMs }: { readonly id: string; readonly severity?: number | undefined; readonly for: number }, points: readonly string[], facility: Facility): Problem[] {
  if (severity === undefined || severity > 2) return []
  return points.flatMap((id_) => {
    const { seenWithinMs = null } = facility.points.get(id_) ?? {}
    if (seenWithinMs === null || seenWithinMs + forMs <= alarmMs) return []
    return [{ path: forMs > alarmMs ? ['for'] : [], warning: true as const, message: `rule ${id}: an alarm of severity ${severity} may come ${durationText(seenWithinMs + forMs)} after the fact (${id_} is seen within ${durationText(seenWithinMs)}${forMs > 0 ? `, for: ${durationText(forMs)}` : ''}); ${durationText(alarmMs)} is what an alarm should take: poll faster, or wait less` }]
  })
}

/** In a text, or in a payload. */
const isShown = (config: ConditionConfig, name: string): boolean => JSON.stringify([config.title, config.then, config.otherwise]).includes(`{${name}}`)
