import type { Rule } from '../gateway/contract/index.ts'
import type { RuleConfig } from './schema.ts'
import { createThreshold } from './threshold.ts'

export { createAlertDesk } from './alerts/desk.ts'
export { createEngine, type Engine } from './engine.ts'

/** One rule for each entry of the site file's `rules`. */
export function createRules(configs: readonly RuleConfig[]): readonly Rule[] {
  return configs.map((config) => {
    switch (config.kind) { case 'threshold': return createThreshold(config) }
  })
}
