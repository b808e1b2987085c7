import { describe, expect, it } from 'vitest'
import type { Orderer, Reading, Value } from '../../../gateway/contract/index.ts'
import { codeOf } from '../../../gateway/kit/index.ts'
import { doorsOf, read } from './support.ts'

const city: Orderer = { actor: 'wuchang-ops', origin: 'city' }
const site: Orderer = { actor: 'zhang', origin: 'site' }

function guarded(door: object = {}) {
  const live = new Map<string, Pick<Reading, 'value' | 'quality' | 'at'>>()
  const doors = doorsOf(door)
  const guard = doors.guard({ read: (point) => live.get(point) })
  const feel = (value: boolean | null, at: number) => { for (const rule of doors.rules) rule.step(read('panel.fire', value, at)) }
  const ask = (value: Value, by: Orderer, point = 'ctl.unlock'): string => { try { guard(point, value, by); return 'ok' } catch (error) { return codeOf(error) } }
  return { ask, feel, live, doors, guard }
}
const commands = { commands: { unlock: [{ actor: 'wuchang-ops', origin: 'city' }, { actor: '*', origin: 'site' }], lock: [{ actor: '*', origin: 'site' }] } }

describe('what stands before a lock', () => {
  it('lets nobody write it, where the site file lists nobody', () => {
    const { ask } = guarded()
    for (const by of [city, site, { actor: 'night-lock', origin: 'rule' } as const]) expect([ask(true, by), ask(false, by)]).toEqual(['DOOR_FORBIDDEN', 'DOOR_FORBIDDEN'])
    expect(ask(true, city, 'ctl.light')).toBe('ok')
  })
  it('lets in whom it lists, for that command, by that road', () => {
    const { ask } = guarded(commands)
    expect([ask(true, city), ask(false, city), ask(true, site), ask(false, site)]).toEqual(['ok', 'DOOR_FORBIDDEN', 'ok', 'ok'])
    expect([ask(true, { ...city, actor: 'another' }), ask(true, { ...city, origin: 'rule' })]).toEqual(['DOOR_FORBIDDEN', 'DOOR_FORBIDDEN'])
  })
  it('takes no value that is neither of the two, such as 1 for true', () => {
    const { ask } = guarded(commands)
    expect([ask(1, site), ask('true', site), ask(0, site)]).toEqual(['DOOR_FORBIDDEN', 'DOOR_FORBIDDEN', 'DOOR_FORBIDDEN'])
  })
  it('sends no lock command in a fire, whoever asks, and unlocks as ever', () => {
    const { ask, feel } = guarded({ ...commands, lock: { point: 'ctl.unlock', pulse: '3s' } })
    feel(true, 1)
    for (const by of [city, site, { actor: 'door/east', origin: 'rule' } as const]) expect(ask(false, by)).toBe('DOOR_FIRE')
    expect([ask(true, site), ask(0, site)]).toEqual(['ok', 'DOOR_FIRE'])
  })
  it('goes on with the fire when its wire has burnt, until a good reading says that it is over', () => {
    const { ask, feel } = guarded(commands)
    feel(null, 0)
    expect(ask(false, site)).toBe('ok')
    feel(true, 1)
    feel(null, 2)
    expect(ask(false, site)).toBe('DOOR_FIRE')
    feel(false, 3)
    expect(ask(false, site)).toBe('ok')
  })
  it('does not take an uncertain word for the end of a fire', () => {
    const { ask, feel, doors } = guarded(commands)
    feel(true, 1)
    for (const rule of doors.rules) rule.step({ reading: { pointId: 'panel.fire', value: false, quality: 'uncertain', at: 2, receivedAt: 2 } })
    expect(ask(false, site)).toBe('DOOR_FIRE')
  })
  it('remembers the fire over a restart', () => {
    const before = guarded(commands)
    before.feel(true, 1)
    const after = guarded(commands)
    for (const rule of after.doors.rules) rule.restore(JSON.parse(JSON.stringify(before.doors.rules.find(({ id }) => id === rule.id)!.state())))
    after.feel(null, 2)
    expect(after.ask(false, site)).toBe('DOOR_FIRE')
  })
  it('sees the fire in the live values alone', () => {
    const { ask, live } = guarded(commands)
    live.set('panel.fire', { value: true, quality: 'good', at: 0 })
    expect(ask(false, site)).toBe('DOOR_FIRE')
  })
  it('lets a door end its own pulse, and no other rule of that name elsewhere', () => {
    const { ask } = guarded({ lock: { point: 'ctl.unlock', pulse: '3s' } })
    expect([ask(false, { actor: 'rule:door/east', origin: 'rule' }), ask(true, { actor: 'door/east', origin: 'rule' }), ask(false, { actor: 'rule:door/east', origin: 'city' }), ask(false, { actor: 'door/west', origin: 'rule' })])
      .toEqual(['ok', 'DOOR_FORBIDDEN', 'DOOR_FORBIDDEN', 'DOOR_FORBIDDEN'])
  })
  it('says who, what and where to allow it', () => {
    const { guard, feel } = guarded()
    expect(() => guard('ctl.unlock', true, city)).toThrow(/wuchang-ops \(city\) may not unlock it.*commands\.unlock/)
    feel(true, 1)
    expect(() => guard('ctl.unlock', false, site)).toThrow(/fire signal \(panel\.fire\)/)
  })
})

describe('the fire inputs', () => {
  it('are told of when they cannot be read', () => {
    const watch = guarded().doors.rules.find(({ id }) => id === 'doors/fire')!
    expect(watch.step(read('panel.fire', null, 0))).toMatchObject({ effects: [], wakeAt: 10_000 })
    expect(watch.step({ tick: 10_000 }).effects).toMatchObject([{ kind: 'raise', key: 'doors/fire/panel.fire', severity: 2 }])
    expect(watch.step(read('panel.fire', false, 20_000)).effects).toMatchObject([{ kind: 'clear', key: 'doors/fire/panel.fire' }])
  })
})
