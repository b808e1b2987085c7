import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { casesSchema, facilityOfCases, runCase } from '../../../rules/cases.ts'
import { expand } from '../../../rules/library/expand.ts'
import { librarySchema } from '../../../rules/library/schema.ts'
import { libraryFolder, template, templateNames } from '../../../rules/library/templates.ts'
import { reviewRules } from '../../../rules/review.ts'
import { decisionSchemas } from '../../../rules/site.ts'
import { facilityOf } from '../../support/facility.ts'

const { rules, scenes, schedules, calendar } = decisionSchemas
const sections = z.object({ rules, scenes, schedules, calendar })

describe('the rule library', () => {
  it('has a rule for each thing that goes wrong in a facility', () => {
    expect(templateNames()).toEqual(['after-hours-access', 'battery-low', 'energy-at-night', 'freezer', 'gas-contact', 'indoor-air', 'lift-out-of-order', 'power-failure', 'server-room-heat', 'smoke-contact', 'terminal-offline', 'terminal-paper', 'water-leak'])
  })
  for (const name of templateNames()) {
    describe(name, () => {
      const file = casesSchema.parse(parse(readFileSync(path.join(libraryFolder, 'cases', `${name}.yaml`), 'utf8')))
      const facility = facilityOfCases(file, 'Asia/Shanghai')
      const decisions = sections.parse(file)
      it('says why and where from, in both languages', () => {
        const found = template(name)!
        expect([found.name, found.reason].flatMap((label) => [label.zh, label.en]).every((text) => text.length > 1)).toBe(true)
        expect(Object.values(found.parameters).every(({ about }) => about.zh.length > 0 && about.en.length > 0)).toBe(true)
        for (const { rule } of found.rules) expect(Object.keys(rule.title as object)).toEqual(['zh', 'en'])
      })
      it('passes the check of a site file', () => {
        expect(reviewRules({ ...decisions, channels: [] }, facility).filter(({ warning }) => !warning)).toEqual([])
      })
      for (const each of file.cases) it(each.name, () => { expect(runCase(decisions, facility, each)).toEqual({ name: each.name, passed: true, missing: [], unexpected: [] }) })
    })
  }
})

describe('an entry of the library', () => {
  const facility = facilityOf({ 'smoke-1.alarm': 'boolean', 'smoke-2.alarm': 'boolean', 'hall.t': 'number' })
  const told = (entry: object) => expand(librarySchema.parse({ id: 'it', kind: 'library', use: 'smoke-contact', with: { contact: 'smoke-1.alarm' }, ...entry }), facility)
  it('becomes conditions, for one point or for each of a list', () => {
    expect(told({}).rules.map(({ id, title }) => [id, title?.en])).toEqual([['it', 'smoke alarm: device smoke-1'], ['it-fault', `smoke detector's line is broken or silent: device smoke-1`]])
    expect(told({ with: { contact: ['smoke-1.alarm', 'smoke-2.alarm'] } }).rules.map(({ id }) => id)).toEqual(['it-smoke-1-alarm', 'it-smoke-1-alarm-fault', 'it-smoke-2-alarm', 'it-smoke-2-alarm-fault'])
  })
  it('is told what is wrong with it, and where', () => {
    const fault = (entry: object) => told(entry).faults.map(({ path: at, message }) => `${at.join('.')}: ${message}`)
    expect(fault({ use: 'smoke-contct' })).toEqual(['use: no rule "smoke-contct" in the library; did you mean "smoke-contact"?'])
    expect(fault({ with: { contact: 'smoke-9.alarm' } })).toEqual(['with.contact: no point "smoke-9.alarm"; did you mean "smoke-1.alarm"?'])
    expect(fault({ with: { contact: 'hall.t' } })).toEqual(['with.contact: hall.t is a number; a boolean is needed'])
    expect(fault({ with: {} })[0]).toMatch(/^with: contact is missing/)
    expect(fault({ with: { contact: 'smoke-1.alarm', sevrity: 2 } })).toEqual(['with.sevrity: smoke-contact has no parameter "sevrity"; did you mean "severity"?'])
    expect(fault({ with: { contact: 'smoke-1.alarm', severity: 7 } })).toEqual(['with.severity: expected 1, 2, 3 or 4'])
    expect(fault({ with: { contact: ['smoke-1.alarm', 'x.y'] } })[0]).toMatch(/^with.contact.1: no point "x.y"/)
  })
  it('never takes a parameter for a piece of an expression', () => {
    const hostile = ['30 || true', '5m) || (true', '$above', 'true']
    for (const above of hostile) expect(expand(librarySchema.parse({ id: 'it', kind: 'library', use: 'server-room-heat', with: { temperature: 'hall.t', above } }), facility).faults[0]?.message).toMatch(/expected a number/)
    for (const silent of hostile) expect(expand(librarySchema.parse({ id: 'it', kind: 'library', use: 'water-leak', with: { wet: 'smoke-1.alarm', silent } }), facility).faults[0]?.message).toMatch(/write a duration/)
  })
})
