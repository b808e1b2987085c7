import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { compose } from '../../../firmware-config/init/compose.ts'
import { render } from '../../../firmware-config/init/render.ts'
import { answersTemplate } from '../../../firmware-config/init/template.ts'
import { provinces } from '../../../firmware-config/site/regions.ts'
import { hold, one as choose, text, type Answer, type Conversation } from '../../../gateway/cli/ask/question.ts'
import { SiteError } from '../../../firmware-config/site/index.ts'
import { readAnswers } from '../../../gateway/cli/init/answers-file.ts'
import { init } from '../../../gateway/cli/init/init.ts'
import type { Box } from '../../../gateway/cli/init/box.ts'
import { knownProfiles } from '../../../gateway/cli/init/box.ts'
import { interview } from '../../../gateway/cli/init/interview.ts'
import * as judge from '../../../gateway/cli/init/judges.ts'
import { answers as answersSchema } from '../../../gateway/cli/init/pieces.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { linli } from '../../support/command-line.ts'
import { tempFolder } from '../../support/resources.ts'
import { scale } from '../../support/seed.ts'

const profiles = await knownProfiles('/nowhere')
const drivers = new Map(profiles.map(({ name, driver }) => [name, driver]))
const driverOf = (profile: string): string | undefined => drivers.get(profile)

const id = (prefix: string, index: number): string => `${prefix}-${index}`
const word = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('a', 'B', ' ', '#', ':', '"', "'", '{', ',', '厅', '门', '\n', '- ', '0', '\\', '&') }).filter((text) => text.trim() !== '')
const label = fc.record({ zh: word, en: word })
const modbus = profiles.filter(({ driver }) => driver === 'modbus').map(({ name }) => name)
const mqtt = profiles.filter(({ driver }) => driver === 'mqtt').map(({ name }) => name)

/** Whatever somebody may have on site. */
const anyAnswers = fc.record({
  site: fc.record({ id: fc.stringMatching(/^[a-z0-9-]{1,48}$/), name: label, region: fc.tuple(fc.constantFrom(...provinces.keys()), fc.stringMatching(/^\d{4}$/)).map((parts) => parts.join('')) }),
  places: fc.array(label, { maxLength: 3 }),
  lines: fc.array(fc.oneof(fc.record({ serial: fc.constantFrom('/dev/ttyUSB0', '/dev/serial/by-id/a b#c'), parity: fc.constantFrom('none', 'even', 'odd') }), fc.record({ host: fc.constantFrom('192.168.1.20', 'meter.local'), port: fc.integer({ min: 1, max: 65_535 }) })), { maxLength: 3 }),
  broker: fc.option(fc.record({ port: fc.integer({ min: 1, max: 65_535 }) }), { nil: undefined }),
  devices: fc.array(fc.record({ name: label, modbus: fc.constantFrom(...modbus), mqtt: fc.constantFrom(...mqtt), bus: fc.boolean(), at: fc.nat() }), { maxLength: 5 }),
  contacts: fc.array(fc.record({ name: label, kind: fc.constantFrom('door', 'smoke', 'leak', 'button'), rest: fc.constantFrom('closed', 'open') }), { maxLength: 4 }),
  people: fc.array(label, { maxLength: 3 }),
  sounder: fc.boolean(),
  platform: fc.option(fc.record({ url: fc.constantFrom('mqtts://city.example:8883', 'mqtt://10.0.0.1'), certificate: fc.boolean() }), { nil: undefined }),
  console: fc.option(fc.constantFrom({}, { host: '0.0.0.0', tls: 'site-ca' as const }, { host: '0.0.0.0', port: 8_081, plainHttp: true }), { nil: undefined }),
}).map(({ places, lines, devices, contacts, people, sounder, broker, ...rest }) => answersSchema.parse({
  ...rest, broker,
  places: Object.fromEntries(places.map((name, index) => [id('place', index), name])),
  lines: lines.map((line, index) => ({ id: id('line', index), ...line })),
  devices: devices.flatMap(({ name, bus, at, ...profile }, index) => {
    const base = { id: id('device', index), name, ...(places.length > 0 ? { place: id('place', at % places.length) } : {}) }
    if (bus) return lines.length === 0 ? [] : [{ ...base, profile: profile.modbus, line: id('line', at % lines.length), unitId: index + 1 }]
    return broker ? [{ ...base, profile: profile.mqtt }] : []
  }),
  ...(contacts.length > 0 ? { gpio: { contacts: contacts.map((contact, index) => ({ id: id('contact', index), line: index + 1, ...contact })) } } : {}),
  people: people.map((name, index) => ({ id: id('person', index), name })),
  duty: people.length > 0 ? [{ when: ['mon-sun 00:00-24:00'], people: people.map((_, index) => id('person', index)) }] : [],
  ...(sounder ? { sounder: { line: 40 } } : {}),
}))

describe('what linli init writes', () => {
  it('loads, whatever was answered, and says the same', async () => {
    await fc.assert(fc.asyncProperty(anyAnswers, async (answers) => {
      const { site: plain, secrets } = compose(answers, driverOf)
      const text = render(plain, 'site.yaml')
      expect(parse(text)).toEqual(plain)
      const site = await readSite('/nowhere/site.yaml', { text })
      expect(site.site).toEqual(answers.site)
      expect(site.places).toEqual(answers.places)
      expect(site.connections.flatMap(({ devices }) => devices.map((device) => [device.id, device.name, device.place])).filter(([name]) => String(name).startsWith('device')).toSorted()).toEqual(answers.devices.map((device) => [device.id, device.name, device.place]).toSorted())
      expect(site.decisions.doors.length + site.decisions.rules.length).toBe(answers.gpio?.contacts.length ?? 0)
      expect(site.decisions.people.map(({ name }) => name)).toEqual(answers.people.map(({ name }) => name))
      expect(site.uplinks.map(({ url }) => url)).toEqual(answers.platform ? [answers.platform.url] : [])
      expect([site.console.enabled, site.decisions.residents.page.enabled]).toEqual([answers.console !== undefined, false])
      expect(secrets).toHaveLength(answers.devices.filter(({ line }) => line === undefined).length)
    }), { numRuns: 40 })
  })
  it('has examples in its comments that work as they stand', async () => {
    const { site: plain } = compose(answersSchema.parse({ site: { id: 'a', name: { zh: '厅', en: 'hall' }, region: '420106' } }), driverOf)
    const examples = render(plain, 'site.yaml').split('\n').flatMap((line) => /^# ((?:console|places|people|channels|escalation|residents|uplinks): .*)$/.exec(line)?.[1] ?? [])
    expect(examples).toHaveLength(7)
    const site = await readSite('/nowhere/site.yaml', { text: `${render(plain, 'site.yaml')}${examples.join('\n')}\n` })
    expect([site.console.enabled, site.places.hall, site.decisions.people[0]!.name, site.decisions.residents.page.enabled, site.uplinks.length]).toEqual([true, { zh: '办事大厅', en: 'service hall' }, { zh: '王师傅', en: 'Master Wang' }, true, 1])
  })
  it('has its data, and the platform\'s certificate, where the service may write them', () => {
    const answers = answersSchema.parse({ site: { id: 'a', name: { zh: '厅', en: 'hall' }, region: '420106' }, platform: { url: 'mqtts://city.example:8883', certificate: true } })
    expect(compose(answers, driverOf).site).toMatchObject({ store: { path: './data' }, uplinks: [{ key: 'data/tls/city/key.pem' }] })
    expect(compose(answers, driverOf, '/var/lib/linli').site).toMatchObject({ store: { path: '/var/lib/linli' }, uplinks: [{ key: '/var/lib/linli/tls/city/key.pem' }] })
  })
  it('takes its own template, once and not over an existing file, and keeps the old one where it is told to', async () => {
    const folder = await tempFolder()
    const at = (name: string): string => path.join(folder, name)
    await writeFile(at('answers.yaml'), answersTemplate)
    const first = JSON.parse((await linli('init', at('site.yaml'), '--answers', at('answers.yaml'), '--json')).stdout)
    expect(first).toMatchObject({ ok: true, file: at('site.yaml'), backup: null, secrets: [at('secrets/terminal-1.password')], next: expect.arrayContaining([`linli check ${at('site.yaml')}`]) })
    expect((await stat(at('secrets/terminal-1.password'))).mode & 0o777).toBe(0o600)
    const password = await readFile(at('secrets/terminal-1.password'), 'utf8')
    await expect(init(at('site.yaml'), { answers: at('answers.yaml') })).rejects.toMatchObject({ code: 'INIT_EXISTS', message: expect.stringContaining('--force') })
    await writeFile(at('site.yaml'), '# mine\n')
    expect(await linli('init', at('site.yaml'), '--answers', at('answers.yaml'), '--force')).toMatchObject({ code: 0, stdout: expect.stringContaining(`linli run ${at('site.yaml')}`) })
    expect(await readFile(at('site.yaml.bak'), 'utf8')).toBe('# mine\n')
    // A device that knows its password keeps it.
    expect(await readFile(at('secrets/terminal-1.password'), 'utf8')).toBe(password)
  })
  it('tells everything wrong with the answers at once, where it was answered, and writes nothing', async () => {
    const folder = await tempFolder()
    const [one, two] = [path.join(folder, 'one.yaml'), path.join(folder, 'two.yaml')]
    await writeFile(one, answersTemplate.replace('"420106" ', '"990106" ').replace('rest: closed }\n    - ', 'rest: shut }\n    - ').replace('platform.example:8883', 'user@platform'))
    await writeFile(two, answersTemplate.replace('xy-md02', 'xy-md2').replace('line: 27', 'line: 17').replace('420106001001001', '420107001001001'))
    const [wrong, { stderr, code }] = await Promise.all([linli('init', path.join(folder, 'site.yaml'), '--answers', one, '--json'), linli('init', path.join(folder, 'site.yaml'), '--answers', two)])
    expect(JSON.parse(wrong.stdout).problems.map(({ path: where }: { path: string }) => where)).toEqual(['site.region', 'gpio.contacts[0].rest', 'platform.url'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/two\.yaml:\d+:\d+ site\.grid\.code: the county in this code is 420107/)
    expect(stderr).toMatch(/devices\[0\]\.profile: no profile "xy-md2"; did you mean "xy-md02"\?[\s\S]*gpio\.contacts\[1\]\.line: line 17 is already point[\s\S]*nothing was written/)
    await expect(stat(path.join(folder, 'site.yaml'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
  it('tells faults of single answers and faults between them in one round, and none that only follows from another', async () => {
    const folder = await tempFolder()
    const file = path.join(folder, 'answers.yaml')
    const told = async (text: string): Promise<string[]> => {
      await writeFile(file, text)
      return readAnswers(file, path.join(folder, 'site.yaml')).then(() => [], (error: SiteError) => error.problems.map(({ path: where, message }) => `${where}: ${message.split(/[;(,]/)[0]}`))
    }
    const change = (text: string, from: string, to: string): string => { expect(text).toContain(from); return text.replace(from, to) }
    // Of their own: a rest that is none, a url with a user. Between them: a grid of another county, a line told twice, a profile that is not there.
    const both = [['rest: closed }\n    - ', 'rest: shut }\n    - '], ['platform.example:8883', 'user@platform'], ['420106001001001', '420107001001001'], ['line: 27', 'line: 17'], ['xy-md02', 'xy-md2']].reduce((text, [from, to]) => change(text, from!, to!), answersTemplate)
    expect(await told(both)).toEqual(['site.grid.code: the county in this code is 420107', 'devices[0].profile: no profile "xy-md2"', expect.stringMatching(/^gpio\.contacts\[0\]\.rest: expected one of/), expect.stringMatching(/^gpio\.contacts\[1\]\.line: line 17 is already point/), expect.stringMatching(/^platform\.url: /)])
    // The relay of the sounder is gone with its device, whose profile is no text; the places of the others stay theirs.
    const follows = [['profile: waveshare-8-relay', 'profile: 8'], ['line: 27', 'line: 17'], ['people: [wang]', 'people: [wnag]']].reduce((text, [from, to]) => change(text, from!, to!), answersTemplate)
    expect(await told(follows)).toEqual([expect.stringMatching(/^devices\[1\]\.profile: expected text/), expect.stringMatching(/^gpio\.contacts\[1\]\.line: /), expect.stringMatching(/^duty\[0\]\.people\[0\]: no person/)])
    const dropped = change(change(answersTemplate, '- { id: hall-env,', '- 7\n  - { id: hall-env,'), 'xy-md02', 'xy-md2')
    expect(await told(dropped)).toEqual([expect.stringMatching(/^devices\[0\]: expected a mapping/), 'devices[1].profile: no profile "xy-md2"'])
    expect(await told('site: 5\nlines: x\n')).toEqual([expect.stringMatching(/^site: /), expect.stringMatching(/^lines: /)])
  })
  it('any answers, however wrong, are told or taken', async () => {
    const folder = await tempFolder()
    const file = path.join(folder, 'answers.yaml')
    await fc.assert(fc.asyncProperty(fc.nat(answersTemplate.length - 1), fc.nat(40), fc.constantFrom('', 'x', '7', '[]', '{}', '\n', ': '), async (at, cut, piece) => {
      await writeFile(file, answersTemplate.slice(0, at) + piece + answersTemplate.slice(at + cut))
      await readAnswers(file, path.join(folder, 'site.yaml')).catch((error: unknown) => expect(error).toBeInstanceOf(SiteError))
    }), { numRuns: 3 * scale })
  })
  it('asks nobody where there is no terminal', async () => {
    expect(await linli('init', path.join(await tempFolder(), 'site.yaml'))).toMatchObject({ code: 1, stderr: expect.stringMatching(/TERMINAL_NEEDED .*--answers FILE/) })
  })
})

describe('the interview', () => {
  const box: Box = { host: 'box-7', serialPorts: ['/dev/serial/by-id/usb-a'], addresses: ['192.168.1.10'], chips: [{ label: 'pinctrl', lines: 58 }], sysfsOnly: false, profiles }
  /** Answers by the English question; what is not named gets its default. */
  async function answer(told: Readonly<Record<string, readonly Answer[]>>) {
    const queues = new Map(Object.entries(told).map(([ask, list]) => [ask, [...list]]))
    return hold(() => interview(box), async (question) => {
      if (question.kind === 'say') return { answer: undefined }
      const ask = typeof question.ask === 'string' ? question.ask : question.ask.en
      const next = [...queues].find(([start, list]) => ask.startsWith(start) && list.length > 0)?.[1].shift()
      if (next !== undefined) { if (question.kind === 'text') expect([ask, question.judge(String(next))]).toEqual([ask, null]); return { answer: next } }
      return { answer: question.kind === 'one' ? question.initial ?? question.options[0]!.value : question.kind === 'yes' ? question.initial : question.kind === 'text' ? question.initial ?? '' : question.kind === 'some' ? [] : 'x' }
    })
  }
  it('asks for contacts on the pins of a box that has them, and makes doors, alarms and a sounder of them', async () => {
    const result = await answer({
      'Name of the site': ['中心'], Province: ['42'], District: ['420106'], 'Are door': [true], 'What is it': ['door', 'smoke'], 'Line (offset': ['17', 'GPIO27', '22'], 'Another contact': [true, false], 'Which relay': ['pin'], 'Where are Modbus': ['/dev/serial/by-id/usb-a', 'none'],
    })
    const { answers } = result!
    expect(answers.gpio).toMatchObject({ chip: 'pinctrl', contacts: [{ id: 'door-contact', kind: 'door', line: 17, rest: 'closed' }, { id: 'smoke-contact', kind: 'smoke', line: 'GPIO27' }] })
    const site = await readSite('/nowhere/site.yaml', { text: render(compose(answersSchema.parse(answers), driverOf).site, 'site.yaml') })
    expect([site.site.id, site.decisions.doors[0]!.contact.point, site.decisions.rules[0]!.id, site.decisions.sounders[0]!.points, site.connections.map(({ driver }) => driver)])
      .toEqual(['box-7', 'door-contact.open', 'smoke-contact-alarm', ['sounder-relay.on'], ['modbus', 'gpio']])
  })
  it('goes back one question, and asks anew what hung on the answer', async () => {
    function* talk(): Conversation<string> {
      const first = yield* choose('first', [{ value: 'a', label: 'A' }, { value: 'b', label: 'B' }])
      return `${first}${first === 'a' ? yield* text('second', judge.given) : ''}`
    }
    const replies = [{ answer: 'a' }, 'back', { answer: 'b' }] as const
    const asked: unknown[] = []
    let index = 0
    expect(await hold(talk, async (question, before) => { asked.push(['ask' in question && question.ask, before]); return replies[index++]! })).toBe('b')
    expect(asked).toEqual([['first', undefined], ['second', undefined], ['first', 'a']])
  })
  it('judges region and grid codes by their scheme', () => {
    expect(judge.region('42')('420106')).toBeNull()
    expect(judge.region('42')('320102')).toMatchObject({ en: 'codes of Hubei begin with 42' })
    expect(judge.region('42')('42010')).toMatchObject({ en: expect.stringContaining('six digits') })
    expect(judge.grid('cjt-349-20', '420106')('12345642010600100101')).toBeNull()
    expect(judge.grid('cjt-349-20', '420106')('12345642010700100101')).toMatchObject({ zh: expect.stringContaining('第 7 到 12 位是区县 420106') })
    expect(judge.grid('custom', '420106', 'WH\\d{4}')('WH12')).toMatchObject({ en: expect.stringContaining('does not match') })
  })
})
