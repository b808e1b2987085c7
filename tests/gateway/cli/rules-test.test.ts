import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { renderCase, runCases } from '../../../gateway/cli/rules/cases.ts'
import { parse } from 'yaml'
import { casesSchema } from '../../../rules/cases.ts'
import { root } from '../../support/architecture.ts'
import { linli } from '../../support/command-line.ts'
import { tempFolder } from '../../support/resources.ts'
import { hallSite } from '../../support/rules-site.ts'

const hot = ['rules:', '  - { id: hot, kind: condition, inputs: { t: hall.t }, when: t > 30, for: 10s, severity: 3, title: { zh: 热, en: hot }, then: [{ write: { point: hall.fan, value: true } }] }']

async function cases(lines: readonly string[], site: readonly string[] | null = hot): Promise<string> {
  const folder = await tempFolder()
  if (site) await hallSite(folder, site)
  const file = path.join(folder, 'cases.yaml')
  await writeFile(file, [...(site ? ['site: site.yaml'] : []), ...lines, ''].join('\n'))
  return file
}

describe('linli rules test', () => {
  it('runs the rules, doors and terminals of a site file in virtual time', async () => {
    const file = await cases([
      'cases:',
      '  - name: a hot hall is told after ten seconds and gets air',
      '    given: { hall.t: 20, hall.fan: false }',
      '    when: [{ at: 5s, hall.t: 31 }, { wait: 20s }]',
      '    then: [{ at: 15s, raise: hot, severity: 3 }, { at: 15s, write: hall.fan, value: true }]',
      '  - name: a card opens the door, a crowbar forces it',
      '    given: { hall.open: false }',
      '    when:',
      '      - { at: 10s, occurrence: { device: reader, type: access, data: { result: granted } } }',
      '      - { wait: 500ms, hall.open: true }',
      '      - { wait: 1s, hall.open: false }',
      '      - { at: 30s, hall.open: true }',
      '      - { at: 31s, hall.open: false }',
      '      - { at: 40s }',
      '    then: [{ at: 10500ms, record: access, data: { door: east, result: opened } }, { raise: door/east/forced, severity: 2 }, { at: 31s, clear: door/east/forced }]',
      '  - name: what other rules do can be left aside',
      '    only: [hot]',
      '    when: [{ at: 0s, hall.open: false }, { at: 1s, hall.open: true }, { at: 5s, device: hall, state: offline, reason: MODBUS_TIMEOUT }]',
      '    then: []',
    ])
    const found = await runCases(file)
    expect(found.map(({ name, missing, unexpected }) => [name, missing, unexpected])).toEqual([
      ['a hot hall is told after ten seconds and gets air', [], []], ['a card opens the door, a crowbar forces it', [], []], ['what other rules do can be left aside', [], []],
    ])
    expect(await linli('rules', 'test', file)).toMatchObject({ code: 0, stdout: expect.stringContaining('3 cases, all passed') })
  })
  it('says what was expected, what came instead, and where it stands; exit code 1', async () => {
    const file = await cases([
      'cases:',
      '  - name: too late',
      '    when: [{ at: 0s, hall.t: 31 }, { at: 1m }]',
      '    then:',
      '      - { at: 12s, raise: hot }',
      '      - { at: 30s, clear: hot }',
      '      - { at: 10s, write: hall.fan, value: true }',
    ])
    const { code, stdout } = await linli('rules', 'test', file, '--json')
    expect(code).toBe(1)
    const { answers, failed } = JSON.parse(stdout) as { failed: number; answers: Awaited<ReturnType<typeof runCases>> }
    expect(failed).toBe(1)
    expect(answers).toEqual([{ name: 'too late', passed: false, line: 3, missing: [{ text: '12s raise hot', line: 6, instead: '10s' }, { text: '30s clear hot', line: 7 }], unexpected: ['10s raise hot'] }])
    expect(renderCase('f.yaml', answers[0]!)).toBe('✗ too late  f.yaml:3\n    expected 12s raise hot  f.yaml:6; it came at 10s\n    expected 30s clear hot  f.yaml:7; it did not come\n    not expected: 10s raise hot')
  })
  it('tries rules of its own on the devices of a site, and refuses names that are not there, with their place', async () => {
    const own = ['rules: [{ id: cold, kind: threshold, point: hall.t, below: 5, severity: 4, title: { zh: 冷, en: cold } }]', 'cases:', '  - { name: cold, when: [{ at: 1s, hall.t: 31 }, { at: 2s, hall.t: 4 }], then: [{ at: 2s, raise: cold }] }']
    expect((await runCases(await cases(own))).map(({ passed }) => passed)).toEqual([true])
    const wrong = await cases(['cases:', '  - { name: x, when: [{ at: 0s, hall.temp: 3 }, { at: 1s, device: hal, state: offline }, { at: 1s, wait: 1s }], then: [] }'])
    await expect(runCases(wrong)).rejects.toThrow(/cases\.yaml:3:\d+ .*say when: either at, or wait/)
    const unknown = await cases(['cases:', '  - { name: x, when: [{ at: 0s, hall.open1: 3 }, { at: 1s, device: hal, state: offline }], then: [] }'])
    await expect(runCases(unknown)).rejects.toThrow(/cases\.yaml:3:\d+ .*no point "hall.open1"; did you mean "hall.open"\?\n.*no device "hal"; did you mean "hall"\?/)
    const badRule = await cases(['points: { a.b: { type: number } }', 'rules: [{ id: r, kind: condition, inputs: { t: a.b }, when: "t > \'x\'", severity: 3, title: { zh: x, en: x } }]', 'cases: [{ name: x, when: [{ at: 0s, a.b: 1 }], then: [] }]'], null)
    await expect(runCases(badRule)).rejects.toThrow(/cases\.yaml:2:\d+ rules\[0\]\.when/)
  })
  it('takes what rules/README.md shows', async () => {
    const blocks = [...(await readFile(path.join(root, 'rules/README.md'), 'utf8')).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => parse(text!) as object).filter((block) => 'cases' in block)
    expect(blocks.map((block) => casesSchema.parse(block).cases.map(({ name }) => name))).toEqual([['a hot rack gets air']])
  })
})
