/* oxlint-disable unicorn/no-thenable -- a word of the site file; nobody awaits it */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { readSite } from '../../gateway/cli/rooms.ts'
import { SiteError } from '../../firmware-config/site/index.ts'
import { loops } from '../../rules/conditions/loops.ts'
import { createRules } from '../../rules/index.ts'
import { reviewRules } from '../../rules/review.ts'
import { decisionSchemas } from '../../rules/site.ts'
import { facilityOf } from '../support/facility.ts'
import { inputs, points, title } from './conditions/support.ts'

const { rules: rulesSchema, scenes, schedules, calendar } = decisionSchemas
const sections = z.object({ rules: rulesSchema, scenes, schedules, calendar })
const facility = facilityOf({ ...points, 'meter.power': { writable: false }, 'slow.alarm': { type: 'boolean', pollMs: 5_000, seenWithinMs: 6_000 } })
const rule = (entry: object, id = 'r') => ({ id, kind: 'condition', inputs, severity: 3, title, ...entry })
const actor = (entry: object, id = 'r') => rule({ severity: undefined, title: undefined, when: 't > 30', ...entry }, id)
const review = (site: object) => reviewRules({ ...sections.parse(site), channels: [{ id: 'duty' }] }, facility)
const problems = (site: object): readonly string[] => review(site).filter(({ warning }) => !warning).map(({ path: at, offset, message }) => `${at.join('.')}${offset === undefined ? '' : `+${offset}`}: ${message}`)
const warnings = (site: object): readonly string[] => review(site).filter(({ warning }) => warning).map(({ message }) => message)
const one = (entry: object) => problems({ rules: [rule(entry)] })
const fan = (more: object = {}) => ({ write: { point: 'relays.fan', value: true, ...more } })

describe('what check finds in rules', () => {
  it('unknown names, each with its place and a suggestion', () => {
    expect(one({ inputs: { t: 'hal.t' }, when: 't > 1' })).toEqual(['rules.0.inputs.t: no point "hal.t"; did you mean "hall.t"?'])
    expect(one({ when: 't > 30 && opne' })).toEqual(['rules.0.when+10: no input "opne"; did you mean "open"?'])
    expect(one({ when: 't > 30', clear: 'tt < 20' })[0]).toMatch(/^rules\.0\.clear\+0: no input "tt"/)
    expect(problems({ rules: [rule({ when: 'open', during: 'not nigth' })], schedules: [{ id: 'night', weekly: ['mon-sun 22:00-06:00'] }] })).toEqual(['rules.0.during+4: no schedule "nigth"; did you mean "night"?'])
    expect(problems({ rules: [actor({ then: [{ scene: 'nihgt' }, { notify: { channels: ['dtuy'], text: title } }] })], scenes: [{ id: 'night', steps: [{ wait: '1s' }] }] })).toEqual(['rules.0.then.0.scene: no scene "nihgt"; did you mean "night"?', 'rules.0.then.1.notify.channels.0: no channel "dtuy"; did you mean "duty"?'])
    expect(problems({ rules: [{ id: 'x', kind: 'threshold', point: 'hall.tt', above: 1, severity: 3, title }] })).toEqual(['rules.0.point: no point "hall.tt"; did you mean "hall.t"?'])
  })
  it('a division of a text, and types that do not fit', () => {
    expect(one({ when: 'mode / 2 > 1' })).toEqual(['rules.0.when+0: a text cannot be used with "/"'])
    expect(one({ when: 'open == 1' })[0]).toMatch(/^rules\.0\.when\+8:/)
    expect(problems({ rules: [actor({ then: [fan({ value: 1 }), { write: { point: 'meter.power', value: 1 } }, fan({ onlyIf: 't' })] })] })).toEqual([
      'rules.0.then.0.write.value: "relays.fan" takes a boolean, this is a number', 'rules.0.then.1.write.point: "meter.power" cannot be written; its device or profile must say writable: true', 'rules.0.then.2.write.onlyIf+0: this must be true or false, and is a number; compare it with something',
    ])
  })
  it('what can never fire, or always does', () => {
    expect(one({ when: 'open && (t > 30 && t < 20)' })).toEqual(['rules.0.when+9: this rule can never fire: t > 30 && t < 20 cannot be true'])
    expect(one({ when: 'open && false' })[0]).toMatch(/can never fire/)
    expect(one({ when: 't > 30 || t <= 30' })[0]).toMatch(/fires at once and for ever/)
    expect(one({ when: 't > 30', clear: 't < 1 && t > 2' })[0]).toMatch(/^rules\.0\.clear\+0: this can never be true, so the alert never clears/)
    expect(one({ when: 'changed(open)', for: '5s' })[0]).toMatch(/^rules\.0\.for: changed\(\) is true for a moment only/)
    expect(problems({ rules: [actor({ then: [fan({ onlyIf: 'open && !open' })] })] })[0]).toMatch(/never carried out/)
  })
  it('rules that call each other, with the way round', () => {
    expect(problems({ rules: [
      actor({ inputs: { p: 'relays.pump' }, when: 'p', then: [fan()] }, 'a'), actor({ inputs: { f: 'relays.fan' }, when: 'f', then: [{ scene: 'night' }] }, 'b'),
    ], scenes: [{ id: 'night', steps: [{ wait: '1s' }, { write: { point: 'relays.pump', value: true } }] }] })).toEqual(['rules.0: these call each other without end: a → relays.fan → b → night → relays.pump → a; let an interlock (onlyIf, unless) ask for what must not call'])
    expect(problems({ rules: [actor({ when: '!fan', then: [fan()] })] })[0]).toMatch(/r → relays.fan → r/)
  })
  it('and lets an interlock ask for what the rule itself writes', () => {
    expect(problems({ rules: [actor({ then: [fan({ unless: 'fan' })] })] })).toEqual([])
  })
  it('ids that are taken', () => {
    expect(problems({ rules: [rule({ when: 'open' }, 'night')], scenes: [{ id: 'night', steps: [{ wait: '1s' }] }] })[0]).toMatch(/^scenes\.0: "night" is the id of rules\.0 too/)
  })
  it('faults of scenes', () => {
    expect(problems({ scenes: [{ id: 's', inputs: { o: 'door.opn' }, steps: [{ write: { point: 'relays.fn', value: true } }] }] })).toEqual(['scenes.0.inputs.o: no point "door.opn"; did you mean "door.open"?', 'scenes.0.steps.0.write.point: no point "relays.fn"; did you mean "relays.fan"?'])
    expect(problems({ scenes: [{ id: 's', inputs: { o: 'door.open' }, steps: [{ wait: '1s' }, fan({ onlyIf: 'o >' })] }] })[0]).toMatch(/^scenes\.0\.steps\.1\.write\.onlyIf\+3: the expression ends too early/)
  })
  it('warns of an alarm that comes late, of inputs nobody uses, of flutter', () => {
    const alarm = { severity: 1, inputs: { a: 'slow.alarm' }, when: 'a' }
    expect(warnings({ rules: [rule(alarm)] })).toEqual(['rule r: an alarm of severity 1 may come 6s after the fact (slow.alarm is seen within 6s); 2s is what an alarm should take: poll faster, or wait less'])
    expect(warnings({ rules: [rule({ ...alarm, inputs: { a: 'door.open' }, for: '5s' })] })[0]).toMatch(/may come 6s200ms after the fact \(door.open is seen within 1s200ms, for: 5s\)/)
    expect(warnings({ rules: [rule({ ...alarm, inputs: { a: 'door.open' } }), rule({ ...alarm, severity: 3 }, 'b'), rule({ ...alarm, inputs: { a: 'leak.wet' } }, 'c')] })).toEqual([])
    expect(warnings({ rules: [{ id: 'x', kind: 'threshold', point: 'slow.alarm', equals: true, severity: 2, title }] })[0]).toMatch(/severity 2 may come 6s/)
    expect(warnings({ rules: [rule({ inputs: { t: 'hall.t', u: 'hall.u' }, when: 't > 30' })] })).toEqual(['rule r: the input "u" is used nowhere'])
    expect(warnings({ rules: [rule({ inputs: { t: 'hall.t' }, when: 't > 30', clear: 't < 31' })] })[0]).toMatch(/can be true at once/)
    expect(warnings({ rules: [rule({ inputs: { t: 'hall.t' }, when: 't > 30', clear: 't < 29' })] })).toEqual([])
  })
})

describe('loops', () => {
  it('are found however long, and each once', () => {
    const ring = Array.from({ length: 500 }, (_, index) => ({ id: `r${index}`, watches: [`p${index}`], writes: [`p${(index + 1) % 500}`], starts: [] }))
    expect(loops(ring)).toHaveLength(1)
    expect(loops(ring.slice(1))).toEqual([])
  })
})

describe('linli check', () => {
  it('places a fault within an expression at its line and column', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'linli-rules-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = path.join(folder, 'site.yaml')
    const text = [
      'linli: 2', 'site: { id: s1, region: "420106", name: { zh: 站, en: site } }', 'store: { path: ./data }',
      'connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: 1502 }]',
      'devices: [{ id: hall, name: { zh: 厅, en: hall }, connection: line, profile: xy-md02, unitId: 1 }]',
      'rules:', '  - id: hot', '    kind: condition', '    inputs: { t: hall.temperature }', '    when: avg(t, 5m) > 30 && temp < 3', '    severity: 3', '    title: { zh: 热, en: hot }',
      '  - { id: heat, kind: library, use: server-room-heat, with: { temperature: hall.temprature } }', '',
    ].join('\n')
    writeFileSync(file, text)
    const error = await readSite(file).then(() => null, (caught: unknown) => caught)
    expect(error).toBeInstanceOf(SiteError)
    expect((error as SiteError).problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual(['10:30 no input "temp"; there are t', '13:76 no point "hall.temprature"; did you mean "hall.temperature"?'])
    writeFileSync(file, text.replace('temp <', 't <').replace('temprature', 'temperature'))
    const site = await readSite(file)
    expect(createRules(site.decisions, site.facility, site.library).map(({ id }) => id)).toEqual(['hot', 'heat', 'heat-rise'])
  })
})
