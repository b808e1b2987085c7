import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { planChange, storePathOf, versionOf } from '../../firmware-config/apply/index.ts'
import { SiteError, siteJsonSchema } from '../../firmware-config/site/index.ts'
import { currentVersion, migrations } from '../../firmware-config/site/migrations/index.ts'
import { migrate } from '../../firmware-config/site/migrations/migrate.ts'
import type { Migration } from '../../firmware-config/site/migrations/migration.ts'
import { readSite, roomSchemas } from '../../gateway/cli/rooms.ts'
import { tempFolder } from '../support/resources.ts'
import { scale } from '../support/seed.ts'

const old = path.join(import.meta.dirname, 'site/v1')
const textOf = (name: string): Promise<string> => readFile(path.join(old, `${name}.yaml`), 'utf8')
const names = ['demo', 'init', 'estate', 'shared'] as const
/** Without what is said of the file's age, and without compiled functions, which no two readings share. */
const model = async (file: string, text?: string): Promise<unknown> => { const { warnings, ...site } = await readSite(file, text === undefined ? {} : { text }); return [JSON.parse(JSON.stringify(site)), warnings.filter((each) => !each.includes('linli migrate'))] }
const comments = (text: string): readonly string[] => text.split('\n').flatMap((line) => / *#.*$/.exec(line)?.[0].trim() ?? [])

async function problems(text: string): Promise<readonly string[]> {
  const file = path.join(await tempFolder(), 'site.yaml')
  await writeFile(file, text)
  return readSite(file).then(() => [], (error: SiteError) => error.problems.map((problem) => problem.text.replace(/^.*\/(?=site\.yaml)/, '')))
}

describe('a site file of version 1', () => {
  for (const name of names) {
    it(`(${name}) loads to exactly what it says as version 2, and nothing of it changes for the gateway`, async () => {
      const [file, text] = [path.join(old, `${name}.yaml`), await textOf(name)]
      const migrated = migrate(text)!
      expect(migrated).toMatchObject({ from: 1, to: 2 })
      expect(await model(file, migrated.text)).toEqual(await model(file))
      expect(planChange(versionOf(await readSite(file), text), versionOf(await readSite(file, { text: migrated.text }), migrated.text))).toMatchObject({ same: true, lines: [] })
      expect(await readFile(file, 'utf8')).toBe(text)
    })
  }
  it('means what its keys meant: milliseconds of the journal, days of the doors', async () => {
    expect(await readSite(path.join(old, 'estate.yaml'))).toMatchObject({ journal: { commit: 5_000, maxBytes: 536_870_912 }, decisions: { access: { keepDays: 365 } }, events: { keepDays: 365 }, history: { rawDays: 7 } })
    expect(await readSite(path.join(old, 'shared.yaml'))).toMatchObject({ journal: { commit: 20, maxBytes: 1_048_576 }, decisions: { access: { keepDays: 14 } } })
    expect(storePathOf('/x/site.yaml', await textOf('estate'))).toBe('/var/lib/linli')
  })
  it('keeps comments, order, spaces and anchors: only what is written otherwise is touched', async () => {
    const text = await textOf('estate')
    expect(migrate(text)!.text).toBe(text.replace('linli: 1', 'linli: 2').replace('commitMs: 5000', 'commit: 5s').replace('"retainDays"', 'keepDays'))
    expect(migrate(text.replaceAll('\n', '\r\n'))!.text).toBe(migrate(text)!.text.replaceAll('\n', '\r\n'))
  })
  it('that shares by anchors what changes keeps the other places as they were: a payload is no setting', async () => {
    const text = await textOf('shared')
    expect(migrate(text)!.text).toBe(text.replace('linli: &one 1', 'linli: &one 2').replace('unitId: *one', 'unitId: 1').replace('journal: *shared', 'journal: { commit: 20ms, maxBytes: 1048576 }')
      .replace('retainDays: &days', 'keepDays: &days').replace('payload: *gone', 'payload: { retainDays: 14 }'))
    const { decisions: { rules } } = await readSite(path.join(old, 'shared.yaml'))
    expect(JSON.stringify(rules)).toContain('"payload":{"commitMs":20,"maxBytes":1048576}')
  })
  it('has its faults told at its own lines and under its own names', async () => {
    const text = (await textOf('estate')).replace('commitMs: 5000', 'commitMs: 50000').replace('*kept }     #', 'many }     #').replace('rawDays', 'rawdays').replace('contact: gate.open', 'contact: gate.opened').replace('power > 9000.0', 'pwer > 9000.0')
    const line = (part: string): number => text.slice(0, text.indexOf(part)).split('\n').length
    expect(await problems(text)).toEqual([
      `site.yaml:${line('commitMs: 5')}:13 journal.commitMs: from 1ms to 10s`,
      expect.stringMatching(new RegExp(`^site\\.yaml:${line('rawdays')}:12 history\\.rawdays: unknown key "rawdays"; did you mean "rawDays"`)),
      `site.yaml:${line('many')}:25 access.retainDays: expected a number, found "many"`,
      expect.stringMatching(new RegExp(`^site\\.yaml:${line('gate.opened')}:54 doors\\[0\\]\\.contact: no point "gate\\.opened"`)),
      expect.stringMatching(new RegExp(`^site\\.yaml:${line('pwer')}:7 rules\\[0\\]\\.when: `)),
    ])
    expect(await problems('linli: 1\nsite: { id: a, id: b }\n')).toEqual([expect.stringContaining('site.yaml:2:16 site.id: the key "id" is written twice')])
    expect(await problems('linli: 1\njournal: {\n')).toEqual([expect.stringMatching(/^site\.yaml:\d:\d /)])
  })
  it('is said to be old wherever warnings are read; a key of it in a file of today is told by its name of today', async () => {
    expect((await readSite(path.join(old, 'init.yaml'))).warnings[0]).toMatch(/is of version 1 and is read as version 2; linli migrate/)
    const told = await problems((await textOf('estate')).replace('linli: 1', 'linli: 2'))
    expect(told).toEqual([expect.stringContaining('journal.commitMs: unknown key "commitMs"; since version 2 of the site file it is called "commit"'), expect.stringContaining('"retainDays"; since version 2 of the site file it is called "keepDays"')])
  })
  it('that uses a name of version 2 is told so at its place, what else is wrong beside it; an older name that is misspelt is never told the newer one', async () => {
    const site = (text: string): Promise<readonly string[]> => problems(`linli: 1\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\nconnections: []\n${text}`)
    expect(await site('journal: { commit: 50s }\naccess: { keepDays: 20 }\n')).toEqual([
      'site.yaml:4:12 journal.commit: "commit" came with version 2 of the site file, and this one says linli: 1; call it "commitMs", or write linli: 2',
      'site.yaml:4:20 journal.commit: from 1ms to 10s',
      'site.yaml:5:11 access.keepDays: "keepDays" came with version 2 of the site file, and this one says linli: 1; call it "retainDays", or write linli: 2',
    ])
    for (const both of ['{ commitMs: 20, commit: 5s }', '{ commit: 5s, commitMs: 20 }']) {
      expect(await site(`journal: ${both}\n`)).toEqual([`site.yaml:4:${`journal: ${both}`.indexOf('commit:') + 1} journal.commit: "commit" is what version 2 of the site file calls "commitMs", which stands here too; keep "commitMs", or write linli: 2 and keep "commit"`])
    }
    expect(await site('journal: { commitms: 20 }\nevents: { keepDays: 20 }\n')).toEqual(['site.yaml:4:12 journal.commitms: unknown key "commitms"; did you mean "commitMs"?'])
    // Where its store lies is known all the same: a trial that broke the file is found there.
    expect(storePathOf('/x/site.yaml', 'linli: 1\nstore: { path: /data }\njournal: { commit: 5s, commitMs: 20 }\n')).toBe('/data')
  })
})

describe('migrations', () => {
  it('are numbered without a hole, and the schema for editors knows the last version', () => {
    expect(migrations.map(({ from }) => from)).toEqual(migrations.map((_, index) => index + 1))
    expect(JSON.stringify(siteJsonSchema(roomSchemas))).toContain(`"linli":{"type":"number","const":${currentVersion}}`)
  })
  it('leave alone what is of the present version, of a later one, or says no version', () => {
    for (const text of [`linli: ${currentVersion}\n`, 'linli: 99\n', 'linli: "1"\n', 'linli: 0\n', 'site: {}\n', '- 1\n', '']) expect(migrate(text), text).toBeNull()
  })
  const chain: readonly Migration[] = [
    { from: 1, changes: [{ path: ['lines', '*', 'speed'], to: 'baud', why: '' }, { path: ['lines', '*', 'wait'], value: (written) => (typeof written === 'number' ? `${written}s` : undefined), why: '' }] },
    { from: 2, changes: [{ path: ['lines'], to: 'buses', why: '' }, { path: ['lines', '*', 'baud'], to: 'baudRate', why: '' }] },
  ]
  it('go one after the other from whichever version it is, and know each place and name of the first text', () => {
    const text = 'linli: 1\nlines:\n  - { speed: 9600, wait: 5 } # a\n  - &b { wait: 7 }\n  - *b\n'
    const { text: now, from, to, back, spell } = migrate(text, chain)!
    expect({ now, from, to }).toEqual({ now: 'linli: 3\nbuses:\n  - { baudRate: 9600, wait: 5s } # a\n  - &b { wait: 7s }\n  - { wait: 7s }\n', from: 1, to: 3 })
    expect(['9600', '# a', '&b', '7s'].map((part) => back(now.indexOf(part)))).toEqual(['9600', '# a', '&b', '7 }'].map((part) => text.indexOf(part)))
    expect(back(now.lastIndexOf('7s'))).toBe(text.indexOf('*b'))
    expect([spell(['buses', 0, 'baudRate']), spell(['buses', 1, 'wait']), spell(['other', 'baudRate'])]).toEqual([['lines', 0, 'speed'], ['lines', 1, 'wait'], ['other', 'baudRate']])
    expect(migrate(text.replace('linli: 1', 'linli: 2').replace('speed', 'baud'), chain)).toMatchObject({ from: 2, to: 3, text: expect.stringContaining('buses:\n  - { baudRate: 9600, wait: 5 }') })
    expect(migrate(now, chain)).toBeNull()
    const newer = (line: string): unknown => migrate(`linli: 1\nlines:\n  - ${line}\n`, chain)!.newer
    expect(newer('{ baudRate: 1 }')).toEqual([{ path: ['lines', 0, 'baudRate'], since: 3, older: 'speed', both: false }])
    expect(newer('{ baudRate: 1, speed: 2 }')).toEqual([{ path: ['lines', 0, 'baudRate'], since: 3, older: 'speed', both: true }])
    expect(newer('{ baud: 1, wait: 2 }')).toEqual([{ path: ['lines', 0, 'baud'], since: 2, older: 'speed', both: false }])
    expect(newer('{ speed: 1, wait: 2 }')).toEqual([])
  })

  /** Version 1 in any order and layout, with comments, quotes, anchors, and numbers that are shared. */
  const layout = fc.record({
    order: fc.shuffledSubarray(['journal', 'access', 'events', 'photos', 'store'], { minLength: 1, maxLength: 5 }), block: fc.boolean(), crlf: fc.boolean(), quote: fc.constantFrom('', '"', "'"),
    share: fc.boolean(), ms: fc.integer({ min: 1, max: 10_000 }), days: fc.integer({ min: 1, max: 3_660 }), words: fc.array(fc.constantFrom('commitMs: 1', 'retainDays', '中文', 'a # b', '{ [ *x &y'), { minLength: 5, maxLength: 5 }),
  })
  type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never
  const written = ({ order, block, crlf, quote, share, ms, days, words }: Layout): string => {
    const key = (name: string): string => `${quote}${name}${quote}`
    const own: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
      journal: [[key('commitMs'), String(ms)], ['maxBytes', '1048576']], access: [[key('retainDays'), `&days ${days}`]], events: [['keepDays', share && order.indexOf('access') >= 0 && order.indexOf('access') < order.indexOf('events') ? '*days' : String(days)]],
      photos: [['keepDays', '30']], store: [['path', './data']],
    }
    const lines = order.flatMap((name, index) => {
      const comment = `# ${words[index]!}`
      const pairs = own[name]!.map(([each, value]) => `${each}: ${value}`)
      return block ? [comment, `${name}:   ${comment}`, ...pairs.map((pair) => `    ${pair} ${comment}`)] : [`${name}: { ${pairs.join(' , ')} }  ${comment}`]
    })
    return ['# top', 'linli: 1 # v', 'site: { id: a-1, name: { zh: 厅, en: hall }, region: "420106" }', ...lines, '# end', ''].join(crlf ? '\r\n' : '\n')
  }
  it('keep every comment, mean the same, and have nothing left to do the second time', async () => {
    const file = path.join(await tempFolder(), 'site.yaml')
    await fc.assert(fc.asyncProperty(layout, async (each) => {
      const text = written(each)
      const now = migrate(text)!
      expect(migrate(now.text)).toBeNull()
      expect(comments(now.text)).toEqual(comments(text))
      expect(now.text.split('\n').map((line) => /^\s*/.exec(line)![0])).toEqual(text.split('\n').map((line) => /^\s*/.exec(line)![0]))
      const site = await readSite(file, { text })
      expect({ ms: site.journal.commit, days: site.decisions.access.keepDays }).toEqual({ ms: each.order.includes('journal') ? each.ms : 50, days: each.order.includes('access') ? each.days : 90 })
      expect(await model(file, now.text)).toEqual(await model(file, text))
      expect([...parseDocument(now.text).toString().matchAll(/&days/g)]).toHaveLength(each.order.includes('access') ? 1 : 0)
      for (let offset = 0; offset < now.text.length; offset += 7) if (now.text[offset] === '#') expect(text[now.back(offset)]).toBe('#')
    }), { numRuns: 20 * scale })
  })
  it('make of any text, however broken, a text or nothing, and of any change of a file of version 1 a configuration or its faults', async () => {
    const sound = await textOf('shared')
    const file = path.join(await tempFolder(), 'site.yaml')
    await fc.assert(fc.asyncProperty(fc.nat(sound.length - 1), fc.nat(12), fc.constantFrom('', '*one', '&one ', '{', '\n', '- ', 'linli', '#', ': '), async (at, cut, piece) => {
      const text = sound.slice(0, at) + piece + sound.slice(at + cut)
      expect(() => migrate(text)).not.toThrow()
      await readSite(file, { text }).catch((error: unknown) => expect(error).toBeInstanceOf(SiteError))
    }), { numRuns: 25 * scale })
  })
})
