import type { Effect, GatewayEvent, Json, Reading, Rule } from '../../../gateway/contract/index.ts'
import { accessSchema, doorSchema } from '../../../rules/doors/schema.ts'
import { createDoors } from '../../../rules/doors/index.ts'
import { reading } from '../../support/points.ts'

export const east = (more: object = {}) => doorSchema.parse({
  id: 'east', name: { zh: '东门', en: 'east door' }, contact: 'ctl.open', lock: { point: 'ctl.unlock' }, reader: 'ctl', exitButton: 'ctl.exit', tamper: 'ctl.tamper',
  heldOpenAfter: '30s', unlockedTooLong: '60s', grantWindow: '5s', grace: '1s', ...more,
})
const plans = { schedules: [], calendar: { holidays: [], workdays: [] } }
export const doorsOf = (door: object = {}, common: object = { fire: 'panel.fire' }) => createDoors({ doors: [east(door)], access: accessSchema.parse(common), ...plans }, 'Asia/Shanghai')
export const doorRule = (more: object = {}): Rule => doorsOf(more).rules.find(({ id }) => id === 'door/east')!

export const card = (at: number, receivedAt = at, data: { readonly [key: string]: Json } = { result: 'granted', card: `k1:${'a'.repeat(32)}` }) => ({ occurrence: { deviceId: 'ctl', type: 'access' as const, at, data }, receivedAt })
export const read = (point: string, value: Reading['value'], at: number, receivedAt = at) => ({ reading: reading(point, value, at, { receivedAt }) })

/** What the effects say, in short: `forced`, `raise forced`, `clear held-open`, `write ctl.unlock=false`. */
export function shortly(effects: readonly Effect[]): string[] {
  return effects.map((effect) => {
    if (effect.kind === 'record') return String((effect.event as GatewayEvent).data.result)
    if (effect.kind === 'raise' || effect.kind === 'clear') return `${effect.kind} ${effect.key.split('/').slice(2).join('/')}`
    return effect.kind === 'write' ? `write ${effect.point}=${effect.value}` : effect.kind
  })
}
/** All of it in order, as one list. */
export const after = (rule: Rule, ...inputs: readonly Parameters<Rule['step']>[0][]): string[] => inputs.flatMap((input) => shortly(rule.step(input).effects))
