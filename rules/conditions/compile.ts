import type { Facility } from '../../gateway/contract/index.ts'
import { compile } from '../expression/compile.ts'
import { ExpressionError } from '../expression/parse.ts'
import { Needs, type InputType, type Part, type Scope, type Wake } from '../expression/scope.ts'
import { compileAction, type Action } from './actions.ts'
import type { ConditionConfig } from './schema.ts'

export interface Compiled {
  readonly when: Part
  readonly clear: Part | undefined
  readonly then: readonly Action[]
  readonly otherwise: readonly Action[]
  readonly needs: Needs
  /** Of `when` and `clear`: an interlock is asked, it does not call. */
  readonly wakes: readonly Wake[]
  readonly deciding: ReadonlySet<number>
  /** True for a moment only, and nothing ends it. */
  readonly momentary: boolean
}

export interface Fault { readonly path: readonly (string | number)[]; readonly offset: number; readonly message: string }

export function scopeOf(inputs: Readonly<Record<string, string>>, facility: Pick<Facility, 'points'>, schedules: ReadonlySet<string>): Scope {
  const known = Object.entries(inputs).flatMap(([name, point]): [string, InputType][] => {
    const found = facility.points.get(point)
    return found ? [[name, { point, type: found.type }]] : []
  })
  return { inputs: new Map(known), schedules }
}

/** Every expression of the rule, or the first fault of each. */
export function compileCondition(config: ConditionConfig, scope: Scope): Compiled | { readonly faults: readonly Fault[] } {
  const needs = new Needs(Object.keys(config.inputs))
  const faults: Fault[] = []
  const attempt = <T>(path: readonly (string | number)[], make: (enter: (inner: readonly string[]) => void) => T): T | undefined => {
    let inner: readonly string[] = []
    try { return make((at) => { inner = at }) } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      faults.push({ path: [...path, ...inner], offset: error.offset, message: error.message })
      return undefined
    }
  }
  const when = attempt(['when'], () => compile(config.when, scope, needs))
  const momentary = needs.pulsed.size > 0 && config.clear === undefined
  const clear = config.clear === undefined ? undefined : attempt(['clear'], () => compile(config.clear!, scope, needs))
  const [deciding, wakes] = [new Set(needs.used), [...needs.wakes]]
  const actions = (key: 'then' | 'otherwise') => config[key].flatMap((action, index) => attempt([key, index], (enter) => compileAction(action, scope, needs, enter)) ?? [])
  const [then, otherwise] = [actions('then'), actions('otherwise')]
  if (faults.length > 0 || !when) return { faults }
  // oxlint-disable-next-line unicorn/no-thenable -- a word of the site file; nobody awaits it
  return { when, clear, then, otherwise, needs, wakes, deciding, momentary }
}
