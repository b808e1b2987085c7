import type { Facility, Review } from '../gateway/contract/index.ts'
import { loops, type Link } from './conditions/loops.ts'
import { noPoint, reviewAction, reviewCondition, reviewInputs, reviewInterlock, slowness, type Known, type Problem } from './conditions/review.ts'
import type { ActionConfig, ConditionConfig } from './conditions/schema.ts'
import { expand } from './library/expand.ts'
import { compileScene } from './scenes/rule.ts'
import type { SceneConfig } from './scenes/schema.ts'
import type { ScheduleConfig } from './schedule/index.ts'
import type { RuleConfig } from './schema.ts'

/** `written`: its id stands in the list itself. */
type Placed = Link & { readonly path: readonly (string | number)[]; readonly written: boolean }
type Open<T> = readonly (T | null)[] | null
export interface OpenRules {
  readonly rules: Open<RuleConfig>
  readonly schedules: Open<ScheduleConfig>
  readonly scenes: Open<SceneConfig>
  readonly channels: Open<{ readonly id: string }>
}

/** Null where one of them could not be read. */
const idsOf = (entries: Open<{ readonly id: string }>): ReadonlySet<string> | null => (entries === null || entries.includes(null) ? null : new Set(entries.map((entry) => entry!.id)))

/** Rules, schedules and scenes of the site file, once the points are known. */
export function reviewRules(decisions: OpenRules, facility: Facility): readonly Review[] {
  const known: Known = { schedules: idsOf(decisions.schedules), scenes: idsOf(decisions.scenes), channels: idsOf(decisions.channels) }
  const problems: Review[] = []
  const links: Placed[] = []
  const tell = (at: readonly (string | number)[], found: readonly Problem[]): void => { for (const problem of found) problems.push({ ...problem, path: [...at, ...problem.path] }) }

  const condition = (config: ConditionConfig, path: readonly (string | number)[], own: boolean): void => {
    const { problems: found, deciding } = reviewCondition(config, facility, known)
    // Nothing below an entry of the library has a place in the site file.
    tell(path, own ? found : found.map(({ message, warning }) => ({ path: [], message: warning ? message : `${config.id}: ${message}`, ...(warning ? { warning } : {}) })))
    links.push({ id: config.id, path, written: own, watches: deciding, ...outlets([...config.then, ...config.otherwise]) })
  }
  ;(decisions.rules ?? []).forEach((rule, index) => {
    const path = ['rules', index]
    if (rule?.kind === 'threshold') {
      if (!facility.points.has(rule.point)) tell(path, [{ path: ['point'], message: noPoint(rule.point, facility) }])
      else tell(path, slowness(rule, [rule.point], facility))
      links.push({ id: rule.id, path, written: true, watches: [rule.point], writes: [], starts: [] })
    } else if (rule?.kind === 'condition') condition(rule, path, true)
    else if (rule?.kind === 'library') {
      const { rules, faults } = expand(rule, facility)
      tell(path, faults)
      for (const each of rules) condition(each, path, false)
    }
  })
  ;(decisions.scenes ?? []).forEach((scene, index) => {
    if (!scene) return
    const path = ['scenes', index]
    tell(path, reviewScene(scene, facility, known))
    links.push({ id: scene.id, path, written: true, watches: [], ...outlets(scene.steps.flatMap((step) => ('write' in step ? [step] : []))) })
  })
  reportTwins(links, problems)
  for (const { id, way } of loops(links)) problems.push({ path: links.find((link) => link.id === id)!.path, message: `these call each other without end: ${way}; let an interlock (onlyIf, unless) ask for what must not call` })
  return problems
}

const outlets = (actions: readonly ActionConfig[]): Pick<Link, 'writes' | 'starts'> => ({
  writes: [...new Set(actions.flatMap((action) => ('write' in action ? [action.write.point] : [])))],
  starts: [...new Set(actions.flatMap((action) => ('scene' in action ? [action.scene] : [])))],
})

function reviewScene(scene: SceneConfig, facility: Facility, known: Known): readonly Problem[] {
  const dangling = reviewInputs(scene.inputs, facility)
  const steps = scene.steps.flatMap((step, index) => ('wait' in step || 'raise' in step ? [] : reviewAction(step, facility, known).map((problem) => ({ ...problem, path: ['steps', index, ...problem.path] }))))
  if (dangling.length > 0 || (known.schedules === null && JSON.stringify(scene).includes('schedule('))) return [...dangling, ...steps]
  const compiled = compileScene(scene, facility, known.schedules ?? new Set())
  if ('faults' in compiled) return [...steps, ...compiled.faults]
  return [...steps, ...compiled.steps.flatMap((step, index) => ('action' in step ? reviewInterlock(step.action.interlock, ['steps', index, Object.keys(step.action.config)[0]!]) : []))]
}

/** A scene is a rule to the engine. Two of one list are told by the reader of the site file. */
function reportTwins(links: readonly Placed[], problems: Review[]): void {
  const first = new Map<string, Placed>()
  for (const link of links) {
    const twin = first.get(link.id)
    if (!twin) first.set(link.id, link)
    else if (!(twin.written && link.written && twin.path[0] === link.path[0])) problems.push({ path: link.path, message: `"${link.id}" is the id of ${twin.path.join('.')} too; rules and scenes have ids of their own` })
  }
}
