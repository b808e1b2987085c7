import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLog, systemClock } from '../../../gateway/kit/index.ts'
import { renderExplanation, renderRules, type Explanation } from '../../../gateway/cli/rules/explain.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { controlClient } from '../../../gateway/control/client.ts'
import type { RuleView } from '../../../gateway/control/rules.ts'
import { startGateway } from '../../../gateway/main.ts'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import type { ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { linli } from '../../support/command-line.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { hallSite } from '../../support/rules-site.ts'

process.env.LINLI_TEST_PASSWORD = 'right horse'
const at = Date.UTC(2026, 10, 25)
const explained = (more: Partial<Explanation>): Explanation => ({ id: 'hot', kind: 'condition', at, outcome: true, raised: false, dueAt: null, alerts: [], failed: null, when: { text: 't > 30', value: true, unknown: false, parts: [] }, inputs: {}, ...more })

describe('linli rules explain', () => {
  it('says every part, what is unknown and why, and what it waits for', () => {
    const text = renderExplanation(explained({
      outcome: null, unknownSince: at - 120_000,
      when: { text: 'avg(t, 5m) > 30 && !open', value: null, unknown: true, parts: [{ text: 'avg(t, 5m) > 30', value: true, unknown: false, parts: [{ text: 'avg(t, 5m)', value: 31.123456789, unknown: false, parts: [] }] }, { text: '!open', value: null, unknown: true, parts: [{ text: 'open', value: null, unknown: true, parts: [] }] }] },
      inputs: { t: { point: 'hall.t', value: 31, seen: true, bad: false, changedAt: at - 60_000, heardAt: at - 1_000 }, open: { point: 'hall.open', value: null, seen: true, bad: true, changedAt: null, heardAt: at } },
    }))
    expect(text.split('\n')).toEqual([
      'hot  condition  not raised; unknown for 2m: open is bad',
      '', 'when   ?  avg(t, 5m) > 30 && !open', '       ├─ true  avg(t, 5m) > 30', '       │  └─ 31.1235  avg(t, 5m)', '       └─ ?  !open', '          └─ ?  open',
      '', 'INPUT  POINT      VALUE  SINCE  HEARD', expect.stringMatching(/^t {6}hall\.t {5}31 {5}1m {5}1s ago$/), expect.stringMatching(/^open {3}hall\.open {2}bad/),
    ])
    expect(renderExplanation(explained({ dueAt: at + 20_000, forMs: 30_000 }))).toMatch(/^hot {2}condition {2}not raised; raises in 20s unless it changes \(for 30s\)\n/)
    expect(renderExplanation(explained({ raised: true, dueAt: at + 20_000 }))).toMatch(/raised; clears in 20s\n/)
    expect(renderExplanation(explained({ during: { schedule: 'not night', active: false } }))).toMatch(/it does not count now \(not night\)/)
    expect(renderExplanation(explained({ failed: { code: 'INTERNAL', detail: 'x\u001b[31m', at } }))).toMatch(/^hot {2}condition {2}set aside until the next start: INTERNAL x \[31m\n/)
    expect(renderRules([{ id: 'hot', kind: 'condition', watches: 2, alerts: [{ id: 'a', severity: 2, condition: 'active', raisedAt: at - 60_000 }], failed: null }, { id: 'cold', kind: 'threshold', watches: 1, alerts: [], failed: { code: 'X_Y', detail: 'z', at } }], at)).toMatch(/hot +condition +2 +raised, severity 2, 1m ago\ncold +threshold +1 +set aside: X_Y z$/)
  })
  it('asks a running gateway: conditions, the library, thresholds, scenes and doors', { timeout: 30_000 }, async () => {
    const folder = await tempFolder()
    const [modbus, mqtt] = [await freePort(), await freePort()]
    const site = await readSite(await hallSite(folder, [
      'rules:',
      '  - { id: hot, kind: condition, inputs: { t: hall.t }, when: t > 30, for: 20m, severity: 3, title: { zh: 热, en: hot }, then: [{ scene: air }] }',
      '  - { id: smoke, kind: library, use: smoke-contact, with: { contact: hall.smoke } }',
      '  - { id: warm, kind: threshold, point: hall.t, above: 25, hysteresis: 1, severity: 4, title: { zh: 暖, en: warm } }',
      'scenes: [{ id: air, steps: [{ raise: { severity: 4, title: { zh: 排风, en: air } } }] }]',
    ], { modbus, mqtt }))
    const device = await startModbusSimulator(site.connections.find(({ id }) => id === 'line') as ModbusConfig, { clock: systemClock, random: () => 0.5 }, { port: modbus })
    onTestFinished(() => device[Symbol.asyncDispose]())
    device.set('hall.t', 310)
    device.set('hall.smoke', true)
    const gateway = await startGateway({ site, log: silentLog() })
    onTestFinished(() => gateway[Symbol.asyncDispose]())
    const { socket } = site.control
    const client = controlClient(socket)
    await expect.poll(async () => (await client.rules()).filter(({ alerts }) => alerts.length > 0).map(({ id }) => id), { timeout: 10_000 }).toEqual(['smoke', 'warm'])
    expect((await client.rules()).map(({ id, kind }) => [id, kind])).toEqual([['hot', 'condition'], ['smoke', 'library'], ['smoke-fault', 'library'], ['warm', 'threshold'], ['air', 'scene'], ['door/east', 'door'], ['residents', 'residents']])
    expect(await client.rule('hot')).toMatchObject({ id: 'hot', kind: 'condition', outcome: true, raised: false, forMs: 1_200_000, dueAt: expect.any(Number), when: { text: 't > 30', value: true, parts: [{ text: 't', value: 31 }] }, inputs: { t: { point: 'hall.t', value: 31 } }, failed: null })
    expect(await client.rule('warm')).toMatchObject({ kind: 'threshold', outcome: true, raised: true, when: { text: 'hall.t > 25', value: true }, clear: { text: 'hall.t <= 24', value: false }, alerts: [{ severity: 4, condition: 'active' }] })
    expect(await client.rule('door/east')).toMatchObject({ kind: 'door', state: expect.anything(), inputs: { 'hall.open': { seen: true } } })
    const { code, stdout } = await linli('rules', 'explain', 'hot', '--socket', socket)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^hot {2}condition {2}not raised; raises in (19m\d+s|20m) unless it changes \(for 20m\)\n\nwhen +true {2}t > 30\n +└─ 31 {2}t\n/)])
    expect((await linli('rules', 'list', '--socket', socket)).stdout).toMatch(/smoke +library +1 +raised, severity 1/)
    expect((JSON.parse((await linli('rules', 'list', '--socket', socket, '--json')).stdout) as RuleView[]).length).toBe(7)
    expect(await linli('rules', 'explain', 'hott', '--socket', socket)).toMatchObject({ code: 1, stderr: expect.stringMatching(/RULE_UNKNOWN no rule "hott"; did you mean "hot"\?/) })
    expect((await linli('rules', 'explain', 'door/east', '--socket', socket)).stdout).toMatch(/linli doors says it in words/)
  })
})
