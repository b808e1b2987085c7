import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadSite, SiteError, type LoadOptions } from '../../firmware-config/site/index.ts'
import { readSite, roomSchemas } from '../../gateway/cli/rooms.ts'
import { createShifts } from '../../rules/people/shifts.ts'
import { root } from '../support/architecture.ts'
import { tempFolder } from '../support/resources.ts'
import { scale } from '../support/seed.ts'

const good = `linli: 2
site:
  id: hall-1
  name: { zh: 厅, en: hall }
  region: "420106"
connections:
  - { id: line, driver: modbus, host: 10.0.0.5 }
  - { id: broker, driver: mqtt, listen: { port: 1883 } }
devices:
  - { id: env, name: { zh: 温, en: env }, connection: line, profile: xy-md02, unitId: 1 }
  - { id: kiosk, name: { zh: 端, en: kiosk }, connection: broker, profile: self-service-terminal, password: { env: X } }
rules:
  - { id: hot, kind: threshold, point: env.temperature, above: 30, for: 5s, severity: 3, title: { zh: 热, en: hot } }
uplinks:
  - { id: city, url: "mqtt://city:1883" }
`

async function load(text: string | Uint8Array, options?: LoadOptions, extra: Readonly<Record<string, string>> = {}) {
  const folder = await tempFolder()
  const file = path.join(folder, 'site.yaml')
  await writeFile(file, text)
  for (const [name, content] of Object.entries(extra)) { await mkdir(path.dirname(path.join(folder, name)), { recursive: true }); await writeFile(path.join(folder, name), content) }
  return readSite(file, options)
}
/** What the installer reads, without the folder. */
async function problems(text: string | Uint8Array, extra?: Readonly<Record<string, string>>): Promise<string[]> {
  try { await load(text, undefined, extra) } catch (error) {
    expect(error).toBeInstanceOf(SiteError)
    return (error as SiteError).problems.map((problem) => problem.text.replace(/^.*\/(?=[^/]*\.yaml:)/, ''))
  }
  return []
}
const change = (from: string, to: string): string => { expect(good).toContain(from); return good.replace(from, to) }

describe('a good site file', () => {
  it('becomes a frozen configuration with profile, defaults and units in place', async () => {
    const site = await load(good)
    expect(site).toMatchObject({ site: { id: 'hall-1', timezone: 'Asia/Shanghai' }, journal: { commit: 50, maxMessageBytes: 65_024 }, log: { level: 'info' } })
    expect(site.control.socket).toBe(path.join(site.store.path, 'linli.sock'))
    const [env] = site.connections[0]!.devices
    expect(env!.points[0]).toMatchObject({ id: 'env.temperature', unit: 'Cel', scale: 0.1, pollMs: 2_000, heartbeatMs: 600_000, deadband: 0.2, address: { table: 'input', register: 1, format: 's16', wordOrder: 'big' } })
    expect(site.connections[0]!.settings).toMatchObject({ port: 502, timeout: 1_000 })
    expect(site.decisions.rules[0]).toMatchObject({ for: 5_000, hysteresis: 0 })
    expect(Object.isFrozen(env!.points[0]!.address)).toBe(true)
  })
  it('overrides one key of one point of a profile, and adds a point of its own', async () => {
    const site = await load(change('unitId: 1 }', 'unitId: 1, points: { temperature: { deadband: 1 }, offset: { name: { zh: 修正, en: offset }, type: number, table: holding, register: 259 } } }'))
    const points = site.connections[0]!.devices[0]!.points
    expect(points.map(({ id }) => id)).toEqual(['env.temperature', 'env.humidity', 'env.temperature-correction', 'env.humidity-correction', 'env.offset'])
    expect(points[0]).toMatchObject({ deadband: 1, scale: 0.1 })
    expect(points.at(-1)).toMatchObject({ unit: '1' })
  })
  it('prefers a profile beside the site file to the shipped one', async () => {
    const own = 'profile: xy-md02\nname: { zh: 我的, en: mine }\ndriver: modbus\nsource: [manual]\nverified: manual\npoints: { temperature: { name: { zh: 温, en: t }, type: number, table: input, register: 9 } }\n'
    const site = await load(good, undefined, { 'profiles/xy-md02.yaml': own })
    expect(site.connections[0]!.devices[0]!.points).toMatchObject([{ id: 'env.temperature', address: { register: 9 } }])
  })
  it('may be changed before it is checked, as the demo does', async () => {
    const site = await load(good, { override: (raw) => ({ ...(raw as object), store: { path: '/tmp/elsewhere' } }) })
    expect(site.store.path).toBe('/tmp/elsewhere')
  })

  it('names files beside itself, wherever the gateway was started; absolute paths stay', async () => {
    const secret = change('url: "mqtt://city:1883"', 'url: "mqtts://city:8883", ca: tls/ca.pem, cert: ./box.pem, key: /etc/linli/box.key, username: box, password: { file: ../secrets/city }')
    const site = await load(secret)
    const folder = path.dirname(site.file)
    expect(site.uplinks[0]).toMatchObject({ ca: path.join(folder, 'tls/ca.pem'), cert: path.join(folder, 'box.pem'), key: '/etc/linli/box.key', password: { file: path.join(path.dirname(folder), 'secrets/city') } })
  })

  it('names the secret files of a connection and of its devices beside itself too, and leaves other text alone', async () => {
    const site = await load(`linli: 2
site: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }
connections:
  - { id: cloud, driver: mqtt, mode: client, url: "mqtt://127.0.0.1:1883", username: file, password: { file: cloud.secret } }
  - { id: broker, driver: mqtt, listen: { port: 18833 } }
devices:
  - { id: meter, name: { zh: 表, en: meter }, connection: broker, password: { file: secrets/meter }, points: { n: { name: { zh: 数, en: number }, type: number, topic: "devices/{device}/n", pointer: /n } } }
`)
    const folder = path.dirname(site.file)
    expect(site.connections[0]!.settings).toMatchObject({ username: 'file', password: { file: path.join(folder, 'cloud.secret') } })
    expect(site.connections[1]!.devices[0]!.settings).toMatchObject({ password: { file: path.join(folder, 'secrets/meter') } })
  })
})

describe('a wrong site file', () => {
  const cases: readonly (readonly [name: string, text: string, ...expected: string[]])[] = [
    ['a misspelt profile', change('xy-md02', 'xy-md2'), 'site.yaml:10:69 devices[0].profile: no profile "xy-md2"; did you mean "xy-md02"?'],
    ['a misspelt key', change('unitId: 1', 'unitid: 1'), 'site.yaml:10:5 devices[0].unitId: required, but missing; expected a number', 'site.yaml:10:78 devices[0].unitid: unknown key "unitid"; did you mean "unitId"?'],
    ['a key at the top', `${good}devces: []\n`, 'site.yaml:16:1 devces: unknown key "devces"; did you mean "devices"?'],
    ['a dangling connection', change('connection: line,', 'connection: lin,'), 'site.yaml:10:54 devices[0].connection: no connection "lin"; did you mean "line"?'],
    ['a dangling point', change('point: env.temperature', 'point: env.temprature'), 'site.yaml:13:40 rules[0].point: no point "env.temprature"; did you mean "env.temperature"?'],
    ['an unknown driver', change('driver: modbus', 'driver: modbuss'), 'site.yaml:7:25 connections[0].driver: no driver "modbuss"; did you mean "modbus"?'],
    ['a device told twice', change('{ id: kiosk,', '{ id: env,'), 'site.yaml:11:11 devices[1].id: id "env" is already devices[0]; give each its own'],
    ['a key told twice', change('  id: hall-1\n', '  id: hall-1\n  id: hall-2\n'), 'site.yaml:4:3 site.id: the key "id" is written twice; keep one'],
    ['a region that YAML reads as a number', change('"420106"', '420106'), 'site.yaml:5:11 site.region: expected text, found the number 420106; put it in quotes'],
    ['a missing section', change('site:\n  id: hall-1\n  name: { zh: 厅, en: hall }\n  region: "420106"\n', ''), 'site.yaml:1:1 site: required, but missing; expected a mapping of keys'],
    ['a profile of another driver', change('profile: xy-md02, unitId: 1', 'profile: door-controller, unitId: 1'), 'site.yaml:10:69 devices[0].profile: profile "door-controller" is for driver mqtt; connection "line" is modbus'],
    ['a password in clear', change('password: { env: X }', 'password: hunter2'), 'site.yaml:11:108 devices[1].password: expected a mapping of keys, found a value (not shown)'],
    ['a point the profile does not have', change('unitId: 1 }', 'unitId: 1, points: { temprature: { deadband: 1 } } }'), 'site.yaml:10:99 devices[0].points.temprature: profile "xy-md02" has no point "temprature"; did you mean "temperature"?'],
    ['a format that does not exist', change('unitId: 1 }', 'unitId: 1, points: { humidity: { format: u17 } } }'), 'site.yaml:10:119 devices[0].points.humidity.format: expected one of "bool", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "string", found "u17"; did you mean "u16"?'],
    ['a rule with two limits', change('above: 30', 'above: 30, below: 3'), 'site.yaml:13:5 rules[0]: give exactly one of above, below, equals; here are above and below'],
    ['a format version of the future', change('linli: 2', 'linli: 3'), 'site.yaml:1:8 linli: this site file is of version 3, this program reads versions 1 to 2; install a newer linli'],
    ['a grid code of another county', change('  region: "420106"\n', '  region: "420106"\n  grid: { scheme: division-12, code: "420102001001" }\n'), 'site.yaml:6:38 site.grid.code: the county in this code is 420102, the region of the site is 420106'],
    ['a grid code that is too short', change('  region: "420106"\n', '  region: "420106"\n  grid: { scheme: cjt-349-20, code: "42" }\n'), 'site.yaml:6:37 site.grid.code: cjt-349-20 has 20 digits; this has 2 characters'],
    ['two brokers on one port', change('devices:\n', '  - { id: second, driver: mqtt, listen: { host: 0.0.0.0, port: 1883 } }\ndevices:\n'), 'site.yaml:9:64 connections[2].listen.port: port 1883 on 0.0.0.0 is already connection "broker"'],
    ['a unit id told twice', change('devices:\n', 'devices:\n  - { id: two, name: { zh: 二, en: two }, connection: line, profile: sdm120, unitId: 1 }\n'), 'site.yaml:11:86 devices[1].unitId: unit id 1 is already device "two" on this connection'],
    ['a list that is none', change('uplinks:\n  - { id: city, url: "mqtt://city:1883" }', 'uplinks: city'), 'site.yaml:14:10 uplinks: expected a list: one "-" for each entry'],
    ['user and password in a url', change('mqtt://city:1883', 'mqtt://u:secret@city:1883'), 'site.yaml:15:22 uplinks[0].url: write mqtt://host:port or mqtts://host:port; user and password have keys of their own'],
    ['an unknown time zone', change('  region: "420106"\n', '  region: "420106"\n  timezone: Asia/Wuhan\n'), 'site.yaml:6:13 site.timezone: not a time zone of the IANA list, such as Asia/Shanghai'],
    ['a merge key', change('  id: hall-1\n', '  <<: { id: hall-1 }\n'), 'site.yaml:2:1 site.id: required, but missing; expected text', 'site.yaml:3:3 site["<<"]: merge keys ("<<") are not read; write the keys out'],
  ]
  for (const [name, text, ...expected] of cases) {
    it(`(${name}) is told with its place and what to do`, async () => { expect(await problems(text)).toEqual(expected) })
  }
  it('tells all its errors at once, in the order of the file', async () => {
    const text = change('xy-md02', 'xy-md2').replace('port: 1883', 'port: 99999').replace('severity: 3', 'severity: 9')
    expect((await problems(text)).map((line) => line.split(' ')[0])).toEqual(['site.yaml:8:49', 'site.yaml:10:69', 'site.yaml:13:87'])
  })
  it('is told apart from no file, a folder, an empty file and bytes that are no text', async () => {
    const folder = await tempFolder()
    const read = (file: string) => readSite(file).catch((error: SiteError) => error.problems[0]!.message)
    expect(await read(path.join(folder, 'none.yaml'))).toBe('no such file; check the path')
    expect(await read(folder)).toBe('this is a folder; name the site file in it')
    expect(await problems('')).toEqual(['site.yaml:1:1 the file is empty'])
    expect(await problems(Buffer.from([0x6c, 0x0a, 0xff]))).toEqual(['site.yaml:2:1 the file is not UTF-8 here; save it as UTF-8'])
    expect(await problems('- a\n')).toEqual(['site.yaml:1:1 a site file is a mapping of keys; begin with linli: 2'])
  })
  it('that is a bomb, a loop or a well of brackets is refused like any other', async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[index]}`).join(',')}]`).join('\n')}\n`
    for (const text of [bomb, 'a: &a [*a]\n', '['.repeat(20_000), `${'a: {'.repeat(500)}`, '__proto__: { x: 1 }\n', '!!js/function "x"\n', 'a: 2026-01-01\n? [b]\n: c\n']) expect((await problems(text)).length).toBeGreaterThan(0)
    expect(({} as { x?: number }).x).toBeUndefined()
  })
  it('refuses a wrong profile, and says in which file', async () => {
    const [first] = await problems(good, { 'profiles/xy-md02.yaml': 'profile: xy-md02\ndriver: modbus\n' })
    expect(first).toMatch(/^xy-md02\.yaml:1:1 name: required, but missing/)
  })
})

describe('laws of loading', () => {
  const onlySiteErrors = async (text: string | Uint8Array): Promise<void> => {
    try { await load(text) } catch (error) { expect(error).toBeInstanceOf(SiteError) }
  }
  it('any bytes, and any change of a good file, give a configuration or a SiteError', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), onlySiteErrors), { numRuns: 30 * scale })
    await fc.assert(fc.asyncProperty(fc.jsonValue(), (value) => onlySiteErrors(JSON.stringify(value))), { numRuns: 30 * scale })
    await fc.assert(fc.asyncProperty(fc.nat(good.length - 1), fc.nat(20), fc.string({ maxLength: 8 }), (at, cut, text) => onlySiteErrors(good.slice(0, at) + text + good.slice(at + cut))), { numRuns: 100 * scale })
  })
  it('any value at any place gives a configuration or a SiteError', async () => {
    const paths = ['site', 'site.id', 'store', 'connections', 'connections.0', 'connections.0.host', 'devices.0', 'devices.0.points', 'devices.0.unitId', 'rules.0', 'rules.0.for', 'uplinks.0', 'uplinks.0.password']
    await fc.assert(fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue(), async (where, value) => {
      const override = (raw: unknown): unknown => {
        const copy = structuredClone(raw) as Record<string, unknown>
        const parts = where.split('.')
        const last = parts.pop()!
        const parent = parts.reduce<Record<string, unknown>>((inside, part) => inside[part] as Record<string, unknown>, copy)
        parent[last] = value
        return copy
      }
      try { await load(good, { override }) } catch (error) { expect(error).toBeInstanceOf(SiteError) }
    }), { numRuns: 100 * scale })
  })
})

describe('the shipped files', () => {
  it('the demo\'s site file is valid, and a relay in it is not the city\'s to switch', async () => {
    const site = await readSite(path.join(root, 'firmware-config/demo/site.yaml'))
    const relay = site.connections[0]!.devices[2]!.points[0]!
    expect([relay.writable, relay.cityWrite]).toEqual([true, false])
  })
  it('the demo\'s house has people on duty at every hour, and sounds for what is graver only', async () => {
    const { site: { timezone }, decisions: { people, shifts, escalation, sounders } } = await readSite(path.join(root, 'firmware-config/demo/site.yaml'))
    const onDuty = createShifts(shifts, timezone)
    for (let hour = 0; hour < 7 * 24; hour++) expect([hour, people.map(({ id }) => id)]).toEqual([hour, expect.arrayContaining([onDuty('front-desk', Date.UTC(2026, 0, 5) + hour * 3_600_000)[0]])])
    expect(escalation.map(({ severities }) => severities)).toEqual([[1, 2]])
    expect(sounders.map(({ points, patterns }) => [points, Object.keys(patterns)])).toEqual([[['relays.relay-8'], ['1', '2']]])
  })
  it('loads without any room but its own when none is handed in', async () => {
    await expect(loadSite(path.join(root, 'firmware-config/demo/site.yaml'), { ...roomSchemas, drivers: {} })).rejects.toBeInstanceOf(SiteError)
  })
})
