import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { fieldsBetween } from '../../../firmware-config/apply/index.ts'
import { root } from '../../support/architecture.ts'
import { changingSite, planBetween } from '../../support/site-versions.ts'

const change = (from: string, to: string) => planBetween(changingSite, changingSite.replace(from, () => to))
const told = ({ lines }: Awaited<ReturnType<typeof change>>) => lines.map(({ area, id, what, fields }) => [area, id, what, ...fields.map(({ path: key, before, after }) => `${key}: ${before} → ${after}`)])

describe('what a change would do', () => {
  it('is nothing for the same file, other comments, another order and durations of the same length', async () => {
    const demo = readFileSync(path.join(root, 'firmware-config/demo/site.yaml'), 'utf8')
    const same = await planBetween(demo, `# by hand\n${demo}`)
    expect([same.same, same.connections.restarted, same.city, same.staff]).toEqual([true, [], [], []])
    const swapped = await planBetween(changingSite, changingSite.replace('below: 0, severity: 2', 'severity: 2, below: 0'))
    expect(swapped.same).toBe(true)
    const slow = changingSite.replace('port: 5020', 'port: 5020, timeout: 1000ms')
    expect((await planBetween(slow, slow.replace('1000ms', '1s'))).same).toBe(true)
  })
  it('names what is new, gone and changed, from what to what', async () => {
    expect(told(await change('below: 0', 'below: 2'))).toEqual([['rules', 'frost', 'changed', 'below: 0 → 2']])
    expect(told(await change('uplinks: [{', 'scenes: []\nplaces: { hall: { zh: 厅, en: hall } }\nuplinks: [{'))).toEqual([['places', '', 'changed', 'hall.zh: null → 厅', 'hall.en: null → hall']])
    expect(told(await change('port: 5020', 'port: 5021'))).toEqual([['connections', 'line', 'changed', 'port: 5020 → 5021']])
    expect(told(await change('unitId: 1 }', 'unitId: 1, points: { temperature: { deadband: 0.5 } } }'))).toEqual([['points', 'hall-env.temperature', 'changed', 'deadband: null → 0.5']])
    expect(told(await change('unitId: 1 }', 'unitId: 2 }'))).toEqual([['devices', 'hall-env', 'changed', 'unitId: 1 → 2']])
    const gone = await planBetween(changingSite, changingSite.split('\n').filter((line) => !line.includes('kiosk')).join('\n'))
    expect(told(gone)[0]!.slice(0, 3)).toEqual(['devices', 'kiosk', 'removed'])
    expect(gone.city.map(({ en }) => en)).toContain('the model loses devices: kiosk')
    expect(gone.risks.map(({ kind }) => kind)).toEqual(['care'])
  })
  it('keeps every connection whose driver would be told the same, and restarts the others alone', async () => {
    expect((await change('zh: 大厅, en: hall', 'zh: 前厅, en: foyer')).connections).toEqual({ kept: ['line', 'broker'], restarted: [], opened: [], closed: [] })
    expect((await change('unitId: 1 }', 'unitId: 1, points: { temperature: { deadband: 0.5 } } }')).connections.kept).toEqual(['line', 'broker'])
    expect((await change('unitId: 1 }', 'unitId: 1, points: { temperature: { offset: 0.5 } } }')).connections).toMatchObject({ kept: ['broker'], restarted: ['line'] })
    expect((await change('{ id: line,', '{ id: bus,').catch((error: Error) => error.message))).toContain('no connection "line"')
  })
  it('says what the city and the people in the building will notice', async () => {
    const { city, staff } = await change('region: "420106"', 'region: "420107"')
    expect(city[0]!.en).toBe('the topics of uplink city move from linli/v1/420106/hall-1 to linli/v1/420107/hall-1')
    expect(city[0]!.zh).toContain('420107')
    expect((await change('below: 0', 'below: 2')).staff[0]).toEqual({ zh: '规则“结冰”有变化', en: 'rule "frost" is changed' })
    expect(staff.at(-1)!.zh).toContain('页面')
  })
  it('refuses to move the store, and names what no roll-back brings again', async () => {
    expect((await change('./data', './other')).risks[0]!.kind).toBe('refused')
    expect((await planBetween(changingSite, changingSite.replace(/uplinks.*\n/, ''))).risks).toEqual([{ kind: 'loss', text: { zh: expect.stringContaining('city'), en: expect.stringContaining('what it has not delivered is let go') } }])
    expect((await change('linli: 2', 'linli: 2\nevents: { keepDays: 30 }')).risks[0]).toMatchObject({ kind: 'loss', text: { en: 'events.keepDays shrinks from 400 to 30: what is older or too much is deleted' } })
    expect((await change('127.0.0.1:1', '127.0.0.1:2')).risks[0]!.text.en).toContain('how uplink city connects changes')
  })
  it('shows where a secret is, never a secret', () => {
    const fields = fieldsBetween({ password: 'old horse', token: { file: '/a' }, url: 'https://x/y?access_token=abc' }, { password: 'right horse', token: { file: '/b' }, url: 'https://x/y?access_token=def' })
    expect(JSON.stringify(fields)).not.toMatch(/horse|abc|def/)
    expect(fields).toContainEqual({ path: 'token.file', before: '/a', after: '/b' })
    expect(fields.map(({ path: key }) => key)).toEqual(['password', 'token.file', 'url'])
  })
})
