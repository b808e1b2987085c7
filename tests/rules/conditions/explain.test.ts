import { describe, expect, it } from 'vitest'
import type { JsonObject, Rule } from '../../../gateway/contract/index.ts'
import { canExplain } from '../../../rules/index.ts'
import { condition, play, start } from './support.ts'

const explained = (rule: Rule, seconds: number): JsonObject => { if (!canExplain(rule)) expect.unreachable(); return rule.explain(start + seconds * 1_000) }

describe('an explanation', () => {
  it('shows the value of every part, as of the moment it is asked', () => {
    const rule = condition({ when: 'avg(t, 1m) > 30 && !open || since(mode) > 1m30s', for: '20s' })
    play(rule, [[0, 'hall.t', 40], [0, 'panel.mode', 'x'], [50, 'tick']])
    expect(explained(rule, 60)).toMatchObject({
      id: 'r', outcome: null, raised: false, dueAt: null, during: null, clear: null,
      inputs: { t: { point: 'hall.t', value: 40, seen: true, bad: false, changedAt: start }, open: { value: null, seen: false, heardAt: null } },
      when: {
        text: 'avg(t, 1m) > 30 && !open || since(mode) > 1m30s', offset: 0, value: null, unknown: true,
        parts: [
          { text: 'avg(t, 1m) > 30 && !open', unknown: true, parts: [{ text: 'avg(t, 1m) > 30', value: true, parts: [{ text: 'avg(t, 1m)', value: 40, parts: [] }] }, { text: '!open', offset: 19, unknown: true, parts: [{ text: 'open', value: null }] }] },
          { text: 'since(mode) > 1m30s', offset: 28, value: false, parts: [{ text: 'since(mode)', value: '1m' }] },
        ],
      },
    })
    expect(explained(rule, 100)).toMatchObject({ outcome: true, dueAt: start + 110_001, when: { value: true } })
    expect(explained(rule, 120)).toMatchObject({ raised: true })
    expect(play(rule, [[121, 'tick']])).toMatchObject([{ kind: 'raise', at: start + 110_001 }])
  })
  it('is there for conditions, also those of the library, and for no others', () => {
    expect(canExplain({ id: 'x', watches: [], step: () => ({ effects: [] }), state: () => null, restore: () => {} })).toBe(false)
  })
})
