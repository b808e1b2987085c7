import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { kioskDevice, main, siteFile } from '../../support/gateways.ts'
import { tempFolder } from '../../support/resources.ts'

const run = promisify(execFile)

async function problems(lines: readonly string[], services?: string): Promise<readonly string[]> {
  const folder = await tempFolder()
  if (services !== undefined) await writeFile(path.join(folder, 'services.csv'), services)
  const file = await siteFile(folder, [
    'connections: [{ id: broker, driver: mqtt, listen: { port: 1883 } }]', 'devices:', '  - { id: east, name: { zh: 门, en: door }, connection: broker, profile: door-controller, password: { env: X } }', kioskDevice('t1'), ...lines,
  ])
  const out = await run(process.execPath, [main, 'check', file, '--json']).then(({ stdout }) => stdout, (error: { stdout: string }) => error.stdout)
  const { problems: found, warnings = [] } = JSON.parse(out) as { problems: { text: string }[]; warnings?: string[] }
  return [...found.map(({ text }) => text.slice(text.indexOf('site.yaml'))), ...warnings]
}
const name = 'name: { zh: 门, en: door }'

describe('linli check', () => {
  it('finds doors that cannot work, each with its place and what to do', { timeout: 30_000 }, async () => {
    const found = await problems(['doors:',
      `  - { id: a, ${name}, contact: east.opne, lock: { point: east.unlok }, reader: eats, exitButton: [t1.paper], hours: work-days }`,
      `  - { id: b, ${name}, contact: east.open, lock: { point: east.open, unlocked: 1 }, commands: { unlock: [{ actor: x, origin: city }] } }`,
      `  - { id: c, ${name}, contact: east.open, commands: { unlock: [{ actor: x, origin: site }] }, freeInHours: true }`, 'access: { fire: east.fire }'])
    for (const expected of [
      /site\.yaml:\d+:\d+.*no point "east\.opne"; did you mean "east\.open"/, /no point "east\.unlok"; did you mean "east\.unlock"/, /no device "eats"; did you mean "east"/, /t1\.paper is a number; write \{ point: t1\.paper, equals/, /no schedule "work-days"/,
      /east\.open is a boolean: say in the lock's unlocked and locked/, /east\.open is not writable, so nobody can command door "b"/, /door "c" has no lock that could be commanded/, /within its hours, and has none/, /no point "east\.fire"/,
    ]) expect(found).toContainEqual(expect.stringMatching(expected))
    expect(found).toHaveLength(10)
  })
  it('finds terminals and services that cannot work', { timeout: 30_000 }, async () => {
    const found = await problems(['kiosks:',
      `  - { id: a, ${name}, device: t1, peripherals: [{ id: p, ${name}, point: t1.papre, min: 1 }, { id: p, ${name}, point: t1.printer, min: 1 }, { id: q, ${name}, point: t1.paper, ok: [yes] }, { id: r, ${name}, point: t1.paper, min: 5, max: 1 }] }`,
      `  - { id: b, ${name}, device: t1, online: t1.printer }`, 'services: { file: services.csv }'], 'code,zh,en\na,甲,a\na,乙,b\n')
    for (const expected of [/no point "t1\.papre"; did you mean "t1\.paper"/, /peripheral "p" is told twice/, /t1\.printer is a string, which has no limits/, /t1\.paper is a number; "yes" is none/, /min 5 is above max 1/, /device "t1" is the terminal of kiosk "a" already/, /t1\.printer is a string; write/, /services\.csv:3: service "a" is told twice/]) expect(found).toContainEqual(expect.stringMatching(expected))
    expect(found).toHaveLength(8)
  })
  it('finds rules and scenes that a door does not let through', { timeout: 30_000 }, async () => {
    const rule = (id: string, value: string) => `  - { id: ${id}, kind: condition, inputs: { o: east.open }, when: o, then: [{ write: { point: east.unlock, value: ${value} } }] }`
    const door = `  - { id: a, ${name}, contact: east.open, lock: { point: east.unlock }, commands: { unlock: [{ actor: night, origin: rule }] } }`
    expect(await problems(['rules:', rule('night', 'true'), rule('day', 'true'), 'scenes:', `  - { id: end, ${name}, steps: [{ write: { point: east.unlock, value: false } }] }`, 'doors:', door])).toEqual([
      expect.stringMatching(/:\d+:\d+.*door "a" does not let "day" unlock it; add \{ actor: day, origin: rule \}/), expect.stringMatching(/door "a" does not let "end" lock it/),
    ])
  })
  it('takes what works', { timeout: 30_000 }, async () => {
    expect(await problems(['doors:', `  - { id: a, ${name}, contact: { point: east.open, equals: true }, lock: { point: east.unlock, pulse: 3s }, reader: { device: east, only: { reader: [in] } }, hours: ["mon-fri 08:30-17:30"], commands: { unlock: [{ actor: "*", origin: site }] } }`])).toEqual([])
  })
})
