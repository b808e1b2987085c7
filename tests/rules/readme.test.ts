import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { functions } from '../../rules/expression/functions.ts'
import { createRules } from '../../rules/index.ts'
import { expandLibrary } from '../../rules/library/expand.ts'
import { templateNames } from '../../rules/library/templates.ts'
import { reviewRules } from '../../rules/review.ts'
import { decisionSchemas } from '../../rules/site.ts'
import { root } from '../support/architecture.ts'
import { facilityOf } from '../support/facility.ts'

const page = readFileSync(path.join(root, 'rules/README.md'), 'utf8')
const { rules, scenes, schedules, calendar } = decisionSchemas
const facility = facilityOf({ 'rack-env.temperature': 'number', 'rack-door.open': 'boolean', 'relays.fan': 'boolean', 'relays.light': 'boolean', 'hvac.on': 'boolean', 'hall-motion.moving': 'boolean', 'smoke-1.alarm': 'boolean', 'smoke-2.alarm': 'boolean' })

describe('rules/README.md', () => {
  it('shows a site file that works', () => {
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => parse(text!) as object)
    const site = z.object({ rules, scenes, schedules, calendar }).parse(Object.assign({}, ...blocks))
    expect(reviewRules({ ...site, channels: [{ id: 'duty' }] }, facility).filter(({ warning }) => !warning)).toEqual([])
    expect(createRules(site, facility, expandLibrary(site.rules, facility)).map(({ id }) => id)).toEqual(['server-room-hot', 'smoke-smoke-1-alarm', 'smoke-smoke-1-alarm-fault', 'smoke-smoke-2-alarm', 'smoke-smoke-2-alarm-fault', 'closing'])
  })
  it('names every function and every rule of the library', () => {
    for (const name of Object.keys(functions)) expect(page).toMatch(new RegExp(`\\b${name}\\b`))
    for (const name of templateNames()) expect(page).toContain(`\`${name}\``)
  })
})
