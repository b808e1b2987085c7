import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json, Rule, RuleInput } from '../../../gateway/contract/index.ts'
import { codeOf } from '../../../gateway/kit/index.ts'
import { scale, seed } from '../../support/seed.ts'
import { card, doorsOf, read, shortly } from './support.ts'

const settings = { seed, numRuns: 300 * scale }
const [heldOpenAfter, grantWindow, grace] = [30_000, 5_000, 1_000]
const plain = (state: Json): Json => JSON.parse(JSON.stringify(state)) as Json

interface Happening { readonly at: number; readonly input: (now: number) => RuleInput; readonly what: string }
interface Told { readonly now: number; readonly input: RuleInput }

/** Ticks at their moment, as the engine gives them, between what is told. */
function play(rule: Rule, told: readonly Told[], until: number, restartAt: ReadonlySet<number> = new Set(), fresh?: () => Rule): readonly { readonly now: number; readonly what: string }[] {
  const out: { now: number; what: string }[] = []
  let [at, wake] = [rule, undefined as number | undefined]
  const last = new Map<string, RuleInput>()
  const give = (input: RuleInput, now: number): void => {
    const { effects, wakeAt } = at.step(input)
    wake = wakeAt
    for (const what of shortly(effects)) out.push({ now, what })
  }
  const ticks = (to: number): void => { while (wake !== undefined && wake <= to) { const now = wake; give({ tick: now }, now); if (wake === now) throw new RangeError('it wants the same tick again') } }
  for (const [index, { now, input }] of told.entries()) {
    ticks(now)
    if (restartAt.has(index) && fresh) {
      const state = plain(at.state())
      at = fresh()
      at.restore(state)
      give({ tick: now }, now)
      // A driver says first how things are.
      for (const known of last.values()) if ('reading' in known) give({ reading: { ...known.reading, receivedAt: now } }, now)
    }
    if ('reading' in input) last.set(input.reading.pointId, input)
    give(input, now)
  }
  ticks(until)
  return out
}

const gap = fc.integer({ min: 0, max: 40_000 })
/** People: cards, buttons, doors that open and close, wires that break; each some time after the one before. */
const story = fc.array(fc.tuple(gap, fc.constantFrom('open', 'close', 'close', 'card', 'card', 'exit', 'break', 'unlock', 'lock', 'denied', 'fire', 'fire over', 'fire lost', 'tamper')), { maxLength: 40 }).map((entries) => {
  let at = 0
  return entries.map(([after, what]): Happening => { at += after; return happening(what, at) })
})
function happening(what: string, at: number): Happening {
  const point = (id: string, value: boolean | null) => (now: number): RuleInput => read(id, value, at, now)
  switch (what) {
    case 'open': return { at, what, input: point('ctl.open', true) }
    case 'close': return { at, what, input: point('ctl.open', false) }
    case 'break': return { at, what, input: point('ctl.open', null) }
    case 'exit': return { at, what, input: point('ctl.exit', true) }
    case 'unlock': return { at, what, input: point('ctl.unlock', true) }
    case 'lock': return { at, what, input: point('ctl.unlock', false) }
    case 'fire': return { at, what, input: point('panel.fire', true) }
    case 'fire over': return { at, what, input: point('panel.fire', false) }
    case 'fire lost': return { at, what, input: point('panel.fire', null) }
    case 'tamper': return { at, what, input: point('ctl.tamper', true) }
    case 'denied': return { at, what, input: (now) => card(at, now, { result: 'denied' }) }
    default: return { at, what, input: (now) => card(at, now) }
  }
}

const pulse = { lock: { point: 'ctl.unlock', pulse: '3s' }, commands: { unlock: [{ actor: '*', origin: 'site' }], lock: [{ actor: '*', origin: 'site' }] } }
const doorOf = (more: object = pulse) => doorsOf(more)
const ruleOf = (more?: object): Rule => doorOf(more).rules.find(({ id }) => id === 'door/east')!
const onTime = (happenings: readonly Happening[]): Told[] => happenings.map(({ at, input }) => ({ now: at, input: input(at) }))
const end = 10_000_000

describe('the laws of a door', () => {
  it('is never forced when a card lies within the window, whatever is late or overtaken within the grace', () => {
    const visit = fc.record({ before: fc.integer({ min: 20_000, max: 60_000 }), walks: fc.integer({ min: 0, max: grantWindow }), stays: fc.integer({ min: 0, max: 60_000 }), delays: fc.tuple(fc.nat(grace - 1), fc.nat(grace - 1)), clock: fc.integer({ min: -600_000, max: 600_000 }) })
    fc.assert(fc.property(fc.array(visit, { maxLength: 15 }), (visits) => {
      let at = 0
      const told: Told[] = [{ now: 0, input: read('ctl.open', false, 0) }]
      for (const { before, walks, stays, delays: [contactLate, cardLate], clock } of visits) {
        const shown = at + before
        const [opened, closed] = [shown + walks, shown + walks + stays + grace]
        // The reader's clock may be wrong; the order of arrival then is all there is, within what the network may turn round.
        const late = clock > -600_000 && walks + contactLate - cardLate <= grantWindow && walks + contactLate - cardLate >= -grace ? clock : 0
        told.push({ now: shown + cardLate, input: card(shown + late, shown + cardLate) }, { now: opened + contactLate, input: read('ctl.open', true, opened, opened + contactLate) }, { now: closed + contactLate, input: read('ctl.open', false, closed, closed + contactLate) })
        at = closed + grace
      }
      const all = play(ruleOf(), told.toSorted((a, b) => a.now - b.now), end)
      expect(all.filter(({ what }) => /forced/.test(what))).toEqual([])
      expect(all.filter(({ what }) => what === 'opened')).toHaveLength(visits.length)
    }), settings)
  })

  it('is forced at every opening that nothing explains', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 20_000, max: 90_000 }), { maxLength: 10 }), (pauses) => {
      let at = 0
      const told: Told[] = [{ now: 0, input: read('ctl.open', false, 0) }]
      for (const pause of pauses) { at += pause; told.push({ now: at, input: read('ctl.open', true, at) }, { now: at + 5_000, input: read('ctl.open', false, at + 5_000) }) }
      expect(play(ruleOf(), told, end).filter(({ what }) => what === 'forced')).toHaveLength(pauses.length)
    }), settings)
  })

  it('is held open exactly when it was open for longer, and no longer than it is', () => {
    fc.assert(fc.property(story, (happenings) => {
      const seen = happenings.filter(({ what }) => what !== 'break')
      const all = play(ruleOf(), onTime(seen), end)
      const expected: number[] = []
      let since: number | null = null
      for (const { at, what } of [...seen, happening('close', end)]) {
        if (what === 'open') since ??= at
        if (what !== 'close') continue
        if (since !== null && since + heldOpenAfter <= at) expected.push(since + heldOpenAfter)
        since = null
      }
      expect(all.filter(({ what }) => what === 'raise held-open').map(({ now }) => now)).toEqual(expected)
    }), settings)
  })

  it('leaves no alert of an open door once it is closed and time has passed', () => {
    fc.assert(fc.property(story, (happenings) => {
      const last = (happenings.at(-1)?.at ?? 0) + 1
      const rule = ruleOf()
      const all = play(rule, onTime([...happenings, happening('close', last), happening('lock', last)]), last + 60_000)
      for (const alert of ['forced', 'held-open', 'unlocked']) expect(all.filter(({ what }) => what === `raise ${alert}`).length, alert).toBe(all.filter(({ what }) => what === `clear ${alert}`).length)
    }), settings)
  })

  it('raises and clears each alert in turn', () => {
    fc.assert(fc.property(story, (happenings) => {
      const all = play(ruleOf(), onTime(happenings), end)
      for (const alert of ['forced', 'held-open', 'unlocked', 'tamper', 'fault']) {
        const steps = all.flatMap(({ what }) => (what.endsWith(` ${alert}`) ? [what.split(' ')[0]] : []))
        expect(steps.every((step, index) => step === (index % 2 === 0 ? 'raise' : 'clear')), `${alert}: ${steps.join(' ')}`).toBe(true)
      }
    }), settings)
  })

  it('is the same after a restart at any point', () => {
    fc.assert(fc.property(story, fc.array(fc.nat(40), { maxLength: 5 }), (happenings, restarts) => {
      // Wires that are broken at the restart are told as broken by the driver; the state knows since when.
      expect(play(ruleOf(), onTime(happenings), end, new Set(restarts), () => ruleOf())).toEqual(play(ruleOf(), onTime(happenings), end))
    }), settings)
  })

  it('survives lost messages: nothing throws, nothing waits for ever, and the next closing puts it right', () => {
    fc.assert(fc.property(story, fc.infiniteStream(fc.boolean()), (happenings, chance) => {
      const heard = happenings.filter(() => chance.next().value)
      const last = (happenings.at(-1)?.at ?? 0) + 1
      const rule = ruleOf()
      play(rule, onTime([...heard, happening('close', last), happening('lock', last)]), last + 60_000)
      expect(rule.state()).toMatchObject({ contact: 'closed', held: false, forced: null, suspect: null, word: null, unlocked: null })
    }), settings)
  })

  it('sends no lock command in a fire, from any road', () => {
    fc.assert(fc.property(story, fc.array(fc.nat(40), { maxLength: 3 }), (happenings, restarts) => {
      let doors = doorOf()
      let burning = false
      let wakes = new Map<string, number>()
      const lockers = [{ actor: 'zhang', origin: 'site' }, { actor: 'ops', origin: 'city' }, { actor: 'door/east', origin: 'rule' }, { actor: 'night', origin: 'rule' }] as const
      const give = (input: RuleInput): void => {
        for (const rule of doors.rules) {
          const { effects, wakeAt } = rule.step(input)
          if (wakeAt === undefined) wakes.delete(rule.id)
          else wakes.set(rule.id, wakeAt)
          if (burning) expect(shortly(effects).filter((what) => what.startsWith('write'))).toEqual([])
        }
        const guard = doors.guard({ read: () => undefined })
        if (burning) for (const by of lockers) expect((() => { try { guard('ctl.unlock', false, by); return 'sent' } catch (error) { return codeOf(error) } })()).toBe('DOOR_FIRE')
      }
      for (const [index, { at, what, input }] of happenings.entries()) {
        for (let due = Math.min(...wakes.values()); due <= at; due = Math.min(...wakes.values())) give({ tick: due })
        if (restarts.includes(index)) {
          const states = new Map(doors.rules.map((rule) => [rule.id, plain(rule.state())]))
          doors = doorOf()
          wakes = new Map()
          for (const rule of doors.rules) rule.restore(states.get(rule.id)!)
        }
        if (what === 'fire') burning = true
        if (what === 'fire over') burning = false
        give(input(at))
      }
    }), settings)
  })

  it('takes any JSON for a restore', () => {
    fc.assert(fc.property(fc.jsonValue(), story, (state, happenings) => {
      for (const rule of doorOf().rules) { rule.restore(state as Json); play(rule, onTime(happenings), end) }
    }), settings)
  })
})
