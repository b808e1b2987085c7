import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { describe, expect, it } from 'vitest'
import { stringify as yaml } from 'yaml'
import { exportPoints, importPoints, type ImportOptions } from '../../firmware-config/points-csv/index.ts'
import { guard, unguard } from '../../firmware-config/points-csv/cell.ts'
import { SiteError } from '../../firmware-config/site/index.ts'
import { readSite, roomSchemas } from '../../gateway/cli/rooms.ts'
import { tempFolder } from '../support/resources.ts'
import { scale } from '../support/seed.ts'

const head = 'linli: 2\nsite: { id: x, name: { zh: 厅, en: hall }, region: "420106" }\n'
const plain = `${head}connections:
  - { id: line,   driver: modbus, host: 10.0.0.5 }     # the cupboard
  - { id: broker, driver: mqtt, listen: { port: 1883 } }
devices:
  # upstairs
  - { id: env, name: { zh: 温, en: env }, connection: line, profile: xy-md02, unitId: 1 }   # behind the fan
  - id: plc     # the pump house
    name: { zh: 泵, en: pumps }
    connection: line
    unitId: 2
    points:
      level:    { name: { zh: 水位, en: level }, type: number, unit: m, table: input, register: 0x10, scale: 0.01, deadband: 0.05 } # ultrasonic
      # two pumps
      pump-1:
        name: { zh: 水泵, en: pump 1 }
        type: boolean      # runs
        table: coil
        register: 3
  - { id: kiosk, name: { zh: 端, en: kiosk }, connection: broker, profile: self-service-terminal, password: { env: X } }
rules: []
`

async function site(text: string): Promise<{ readonly file: string; readonly csv: string; table(): Promise<string[][]>; save(table: readonly (readonly string[])[] | string | Uint8Array): Promise<void>; load(options?: ImportOptions): ReturnType<typeof importPoints> }> {
  const folder = await tempFolder()
  const [file, csv] = [path.join(folder, 'site.yaml'), path.join(folder, 'points.csv')]
  await writeFile(file, text)
  return {
    file, csv,
    table: async () => parse((await exportPoints(file, roomSchemas)).csv, { bom: true }),
    save: (table) => writeFile(csv, typeof table === 'string' || table instanceof Uint8Array ? table : stringify(table as string[][], { bom: true })),
    load: (options) => importPoints(file, csv, roomSchemas, options),
  }
}
const place = (table: readonly string[][], id: string, column: string): [row: string[], index: number] => [table.find(([device, point]) => `${device}.${point}` === id)!, table[0]!.indexOf(column)]
const set = (table: readonly string[][], id: string, column: string, cell: string): void => { const [row, index] = place(table, id, column); row[index] = cell }
const get = (table: readonly string[][], id: string, column: string): string => { const [row, index] = place(table, id, column); return row[index]! }
async function problems(promise: Promise<unknown>): Promise<string[]> {
  const error: unknown = await promise.then(() => null, (caught: unknown) => caught)
  if (!(error instanceof SiteError)) throw error ?? new RangeError('nothing was refused')
  return error.problems.map(({ text }) => text.replace(/^.*\/(?=[^/]*\.(yaml|csv):)/, ''))
}

describe('exporting points', () => {
  it('writes what profile and site file say, with a mark and line ends that spreadsheets want', async () => {
    const { file, table } = await site(plain)
    const { csv, points } = await exportPoints(file, roomSchemas)
    expect([csv[0], csv.split('\r\n').length, points]).toEqual(['\ufeff', points + 2, (await table()).length - 1])
    const rows = await table()
    expect(rows[0]!.slice(0, 18)).toEqual(['device', 'point', 'name.zh', 'name.en', 'type', 'unit', 'scale', 'offset', 'sentinels', 'min', 'max', 'invert', 'deadband', 'heartbeat', 'poll', 'urgent', 'writable', 'cityWrite'])
    expect(rows[0]).toEqual(expect.arrayContaining(['table', 'register', 'format', 'topic', 'pointer']))
    expect([get(rows, 'env.temperature', 'name.zh'), get(rows, 'env.temperature', 'min'), get(rows, 'plc.level', 'register'), get(rows, 'plc.level', 'poll')]).toEqual(['温度', '-40', '16', ''])
  })
  it('lets no spreadsheet run a text as a formula or make a date of it, and numbers stay numbers', async () => {
    const nasty = plain.replace('en: level', 'en: "=cmd|\'/c calc\'!A1"').replace('zh: 水位', 'zh: "@SUM(1)"').replace('id: plc ', 'id: 1-2 ')
    const { table, save, load } = await site(nasty.replace('deadband: 0.05', 'deadband: 0.05, min: -5'))
    const rows = await table()
    const row = rows.find(([, point]) => point === 'level')!
    expect(row.slice(0, 4)).toEqual(["'1-2", 'level', "'@SUM(1)", "'=cmd|'/c calc'!A1"])
    expect(row[rows[0]!.indexOf('min')]).toBe('-5')
    await save(rows)
    expect((await load()).changes).toEqual([])
  })
  it('law: the apostrophe is taken away again', () => { fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^'{0,3}[=+\-@0-9e/]{0,6}$/)), (text) => { expect(unguard(guard(text))).toBe(text) })) })
  it('refuses a site file that is wrong, in the words of linli check', async () => {
    const { file } = await site(plain.replace('xy-md02', 'xy-md2'))
    expect(await problems(exportPoints(file, roomSchemas))).toEqual([expect.stringContaining('did you mean "xy-md02"?')])
  })
})

describe('importing points', () => {
  it('writes only what differs from the profile, and touches no other byte', async () => {
    const { file, table, save, load } = await site(plain)
    const rows = await table()
    set(rows, 'env.temperature', 'deadband', '0.5')
    set(rows, 'plc.level', 'scale', '0.1')
    set(rows, 'plc.pump-1', 'register', '4')
    set(rows, 'plc.pump-1', 'poll', '500ms')
    set(rows, 'plc.pump-1', 'name.en', 'pump one')
    rows.push([...rows[0]!].map((column) => ({ device: 'plc', point: 'pump-2', 'name.zh': '二号泵', 'name.en': 'pump 2', type: 'boolean', table: 'coil', register: '0x5', urgent: 'TRUE' })[column] ?? ''))
    await save(rows)
    const { text, changes, unchanged } = await load()
    expect(changes.map(({ kind, point }) => `${kind} ${point}`)).toEqual(['changed temperature', 'changed level', 'changed pump-1', 'added pump-2'])
    expect(unchanged).toBe(rows.length - 5)
    expect(text).toBe(plain
      .replace('unitId: 1 }', 'unitId: 1, points: { temperature: { deadband: 0.5 } } }')
      .replace('scale: 0.01', 'scale: 0.1')
      .replace('{ zh: 水泵, en: pump 1 }', '{ zh: 水泵, en: pump one }')
      .replace('        register: 3\n', '        register: 4\n        poll: 500ms\n      pump-2: { name: { zh: 二号泵, en: pump 2 }, type: boolean, urgent: true, table: coil, register: 5 }\n'))
    await writeFile(file, text)
    expect((await load()).changes).toEqual([])
  })
  it('keeps CR LF in a file that has it, and comments at the end of what it adds to and takes from', async () => {
    const windows = plain.replaceAll('\n', '\r\n').replace('register: 3\r\n', 'register: 3 # last\r\n        # end of pump 1\r\n')
    const { table, save, load } = await site(windows)
    const rows = await table()
    set(rows, 'plc.level', 'deadband', '')
    set(rows, 'plc.pump-1', 'urgent', 'true')
    rows.push([...rows[0]!].map((column) => ({ device: 'kiosk', point: 'tray', 'name.zh': '纸盘', 'name.en': 'tray', type: 'string', topic: 'devices/{device}/state', pointer: '/tray', map: '{"0":"empty","1":"ok"}', sentinels: '?' })[column] ?? ''))
    await save(rows)
    expect((await load()).text).toBe(windows.replace(', deadband: 0.05', '').replace('register: 3 # last\r\n', 'register: 3 # last\r\n        urgent: true\r\n')
      .replace('password: { env: X } }', 'password: { env: X }, points: { tray: { name: { zh: 纸盘, en: tray }, type: string, sentinels: [ "?" ], topic: "devices/{device}/state", pointer: /tray, map: { "0": empty, "1": ok } } } }'))
  })
  it('replaces a list that ends in text of several lines, and leaves the next key on its own', async () => {
    for (const newline of ['\n', '\r\n']) {
      const block = plain.replace('        register: 3\n', '        register: 3\n        sentinels:\n          - off\n          - |-\n            line\n            break\n        urgent: true\n').replaceAll('\n', newline)
      const { table, save, load } = await site(block)
      const rows = await table()
      set(rows, 'plc.pump-1', 'sentinels', '7')
      await save(rows)
      expect((await load()).text).toContain(`sentinels: [ 7 ]${newline}        urgent: true${newline}`)
    }
  })
  it('gives a point back to its profile when the cell is the profile\'s or empty', async () => {
    const own = plain.replace('unitId: 1 }', 'unitId: 1, points: { temperature: { deadband: 0.5, poll: 7s }, humidity: { poll: 9s } } }')
    const { table, save, load } = await site(own)
    const rows = await table()
    set(rows, 'env.temperature', 'deadband', '0.2')
    set(rows, 'env.humidity', 'poll', '')
    await save(rows)
    expect((await load()).text).toBe(plain.replace('unitId: 1 }', 'unitId: 1, points: { temperature: { poll: 7s } } }'))
  })
  it('leaves alone what a table has no column for, and points it does not name', async () => {
    const { save, load } = await site(plain)
    await save('device,point,deadband\r\nenv,temperature,0.3\r\n')
    const { changes, absent } = await load()
    expect(changes.map(({ point, set: values }) => [point, values])).toEqual([['temperature', { deadband: 0.3 }]])
    expect(absent).toContain('env.humidity')
  })
  it('removes only when it is told to, and never a point of a profile', async () => {
    const { table, save, load } = await site(plain)
    await save((await table()).filter(([device, point]) => point !== 'level' && `${device}.${point}` !== 'env.humidity'))
    expect((await load()).changes).toEqual([])
    const { text, changes, absent } = await load({ remove: true })
    expect(changes.map(({ kind, point }) => `${kind} ${point}`)).toEqual(['removed level'])
    expect(absent).toEqual(['env.humidity'])
    expect(text).toBe(plain.replace(/ {6}level:.*\n/, ''))
  })
  it('takes a name of 2s and 2000ms, FALSE and nothing, for the same', async () => {
    const { table, save, load } = await site(plain)
    const rows = await table()
    set(rows, 'env.temperature', 'poll', '2000ms')
    set(rows, 'env.temperature', 'urgent', 'FALSE')
    set(rows, 'plc.level', 'offset', '0.00')
    await save(rows)
    expect((await load()).changes).toEqual([])
  })
  it('reads what spreadsheets save: GB18030, UTF-16 with tabs, semicolons with decimal commas, sep=, CR LF and quoted line breaks', async () => {
    const { table, save, load } = await site(plain)
    const rows = await table()
    set(rows, 'env.temperature', 'name.zh', '大厅温度')
    const expected = [['temperature', { name: { zh: '大厅温度', en: 'temperature' } }]]
    const changed = async () => (await load()).changes.map(({ point, set: values }) => [point, values])
    await save(gb18030(stringify(rows, { record_delimiter: 'windows' })))
    expect(await changed()).toEqual(expected)
    await save(Buffer.from(`\ufeff${stringify(rows, { delimiter: '\t' })}`, 'utf16le'))
    expect(await changed()).toEqual(expected)
    const commas = rows.map((row) => row.map((cell) => (/^-?\d+\.\d+$/.test(cell) ? cell.replace('.', ',') : cell)))
    await save(`sep=;\r\n${stringify(commas, { delimiter: ';', record_delimiter: 'windows' })}`)
    expect(await changed()).toEqual(expected)
    await save(Buffer.from(`\ufeff${stringify(rows, { delimiter: '\t' })}`, 'utf16le').swap16())
    expect(await changed()).toEqual(expected)
    await save(stringify(rows, { quoted: true, record_delimiter: 'mac' }))
    expect(await changed()).toEqual(expected)
    set(rows, 'env.temperature', 'name.en', 'hall,\n"warm"')
    await save(rows)
    expect(await changed()).toEqual([['temperature', { name: { zh: '大厅温度', en: 'hall,\n"warm"' } }]])
  })
  it('tells everything wrong at once: file, row, column and what to do', async () => {
    const { table, save, load } = await site(plain)
    const rows = (await table()).map((row) => [...row, ''])
    rows[0]![rows[0]!.length - 1] = 'scal'
    set(rows, 'env.temperature', 'register', 'one')
    set(rows, 'env.temperature', 'topic', 'a/b')
    set(rows, 'plc.level', 'type', 'nmber')
    set(rows, 'plc.pump-1', 'device', 'plk')
    rows.push([...rows[1]!], ['env', 'Bad Name', ...rows[1]!.slice(2)])
    await save(rows)
    const column = (name: string): number => rows[0]!.indexOf(name) + 1
    const row = (id: string): number => rows.findIndex(([device, point]) => `${device}.${point}` === id) + 1
    expect(await problems(load())).toEqual([
      `points.csv:1:${column('scal')} unknown column "scal"; did you mean "scale"?`,
      `points.csv:2:${column('register')} env.temperature register: expected a number, found "one"`,
      `points.csv:2:${column('topic')} env is on driver modbus, which has no topic; leave this cell empty`,
      `points.csv:${row('plc.level')}:${column('type')} plc.level type: expected one of "number", "boolean", "string", found "nmber"; did you mean "number"?`,
      `points.csv:${row('plk.pump-1')}:1 no device "plk" in the site file; did you mean "plc"?`,
      `points.csv:${rows.length - 1}:2 env.temperature is already in row 2; keep one of them`,
      expect.stringMatching(new RegExp(`^points\\.csv:${rows.length}:2 "Bad Name" cannot be a point's id`)),
      ...Array(2).fill(expect.stringMatching(new RegExp(`^points\\.csv:${rows.length}:`))),
    ])
  })
  it('tells at its cell what linli check would find in the result', async () => {
    const { table, save, load } = await site(plain)
    const rows = await table()
    set(rows, 'plc.level', 'format', 'string')
    set(rows, 'plc.pump-1', 'register', '70000')
    await save(rows)
    expect(await problems(load())).toEqual([expect.stringMatching(/^points\.csv:\d+:\d+ plc\.pump-1 register: must be at most 65535/)])
    set(rows, 'plc.pump-1', 'register', '7')
    rows.push(['plc', 'half', '半'])
    await save(rows)
    expect((await problems(load())).map((line) => line.replace(/^points\.csv:\d+:\d+ /, ''))).toEqual(expect.arrayContaining([expect.stringMatching(/plc\.half name: required, but missing/), expect.stringMatching(/plc\.half: type: required|plc\.half type: required/)]))
  })
  it('does not remove a point that a rule watches', async () => {
    const { table, save, load } = await site(plain.replace('rules: []', 'rules: [{ id: low, kind: threshold, point: plc.level, below: 1, severity: 3, title: { zh: 低, en: low } }]'))
    await save((await table()).filter(([, point]) => point !== 'level'))
    expect(await problems(load({ remove: true }))).toEqual([expect.stringMatching(/as it would be.*rules\[0\]\.point: no point "plc\.level"/)])
  })
  it('does not change two devices through one anchor', async () => {
    const shared = `${head}connections: [{ id: line, driver: modbus, host: h }]\ndevices:\n  - { id: a, name: &n { zh: 一, en: a }, connection: line, unitId: 1, points: &p { t: { name: *n, type: number, table: input, register: 1 } } }\n  - { id: b, name: *n, connection: line, unitId: 2, points: *p }\n`
    const { save, load } = await site(shared)
    for (const device of ['a', 'b']) {
      await save(`device,point,scale\n${device},t,2\n`)
      await expect(load()).rejects.toMatchObject({ code: 'POINTS_SHARED' })
    }
    await save('device,point,scale\na,t,2\nb,t,2\n')
    await expect(load()).rejects.toMatchObject({ code: 'POINTS_SHARED' })
  })
  it('refuses hostile files with a place, whatever they are', async () => {
    const { save, load, csv } = await site(plain)
    const first = async (bytes: string | Uint8Array): Promise<string> => { await save(bytes); return (await problems(load()))[0]! }
    expect(await first('')).toMatch(/^points\.csv:1:1 the file is empty/)
    expect(await first('a,b\n')).toMatch(/unknown column "a"/)
    expect(await first(Buffer.from('PK\u0003\u0004xxxx', 'latin1'))).toMatch(/this is a workbook, not CSV/)
    expect(await first(Buffer.from([0xff, 0xff, 0xff]))).toMatch(/neither UTF-8 nor GB18030/)
    expect(await first(Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xb0, 0xa1]))).toMatch(/neither UTF-8 nor GB18030/)
    expect(await first('device,point\n'.padEnd(60_000, '\n'))).toMatch(/more than 50000 rows/)
    expect(await first(`device,point\n"${'x'.repeat(2_000_000)}"`)).toMatch(/cannot be read as CSV \(CSV_MAX_RECORD_SIZE\)/)
    expect(await first('device,point\nenv,"temp\n')).toMatch(/^points\.csv:2:\d+ a quotation mark is not closed/)
    expect(await first('device,point\nenv,temperature,3\n')).toMatch(/^points\.csv:2:3 a cell without a column name/)
    expect(await first('device,point,device\n')).toMatch(/^points\.csv:1:3 the column "device" is there twice/)
    await expect(importPoints(csv, `${csv}x`, roomSchemas)).rejects.toBeInstanceOf(SiteError)
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => { await save(Buffer.concat([Buffer.from('device,point\n'), bytes])); await load().catch((error: unknown) => { expect(error).toBeInstanceOf(SiteError) }) }), { numRuns: 30 * scale })
  })
})

/** Texts as people and vandals write them; what YAML, CSV and spreadsheets each find special. */
const word = fc.oneof(fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }).filter((text) => /\S/.test(text) && text.isWellFormed()), fc.constantFrom('true', '0123', '=1+1', "'quoted", '1-2', '# no comment', 'a: b', '{x', '- y', '温度', 'null', '~', ' pad ', '"q"', '[1]', 'line\nbreak', '1,5', 'a;b', '*a', '&b', '%', '|', '>'))
const values = fc.record({
  name: fc.record({ zh: word, en: word }), unit: fc.constantFrom('1', '%', 'Cel', 'kW.h'), scale: fc.constantFrom(0.1, 2, -1, 1e-7), offset: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map((value) => value || 0),
  sentinels: fc.array(fc.oneof(fc.integer(), word, fc.boolean(), fc.constantFrom('7', 'true')), { maxLength: 3 }), deadband: fc.nat(9), poll: fc.constantFrom('2s', '100ms', '1m'), urgent: fc.boolean(),
  format: fc.constantFrom('u16', 's16'), byteSwap: fc.boolean(),
}, { requiredKeys: ['name'] })
const device = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z0-9-]{1,8}$/), values), { selector: ([id]) => id, maxLength: 4 })
const sites = fc.record({ lists: fc.array(device, { minLength: 1, maxLength: 3 }), flow: fc.boolean(), override: fc.option(values.map(({ name: _, format: __, byteSwap: ___, ...rest }) => rest)) })
type Generated = typeof sites extends fc.Arbitrary<infer T> ? T : never
function textOf({ lists, flow, override }: Generated): string {
  const devices = lists.map((points, index) => ({
    id: `d-${index}`, name: { zh: '设', en: 'd' }, connection: 'line', unitId: index + 1,
    ...(points.length > 0 ? { points: Object.fromEntries(points.map(([id, value], at) => [id, { ...value, type: 'number', table: 'input', register: at }])) } : {}),
  }))
  const all = [...devices, { id: 'env', name: { zh: '温', en: 'env' }, connection: 'line', profile: 'xy-md02', unitId: 99, ...(override ? { points: { temperature: override } } : {}) }]
  return `${head}connections: [{ id: line, driver: modbus, host: h }]\n# all of them\n${flow ? `devices:\n${all.map((each) => `  - ${yaml(each, { lineWidth: 0, collectionStyle: 'flow' }).trim().replaceAll('\n', '\n      ')}\n`).join('')}` : yaml({ devices: all }, { lineWidth: 0 })}rules: []\n`
}

describe('laws of points in tables', () => {
  it('import(export(site)) changes nothing, in any order of rows and columns', async () => {
    const one = await site(plain)
    await fc.assert(fc.asyncProperty(sites, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (generated, chance) => {
      const text = textOf(generated)
      await writeFile(one.file, text)
      const [header, ...rows] = await one.table()
      const order = header!.map((_, index) => index).toSorted(() => chance.next().value! - 0.5)
      await one.save([header!, ...rows.toSorted(() => chance.next().value! - 0.5)].map((row) => order.map((index) => row[index]!)))
      expect((await one.load({ remove: true }))).toMatchObject({ text, changes: [] })
    }), { numRuns: 40 * scale })
  })
  it('after import the site file says what the table says, for any table and any site', async () => {
    const one = await site(plain)
    await fc.assert(fc.asyncProperty(sites, sites, async (from, to) => {
      // The second site's devices, as far as the first has them: some points go, some come, some change.
      const lists = from.lists.map((_, index) => to.lists[index] ?? [])
      await writeFile(one.file, textOf({ ...to, lists }))
      const wanted = await one.table()
      // A device whose points all go is not named by the table; its points stay.
      const named = new Set(wanted.map(([id]) => id))
      await writeFile(one.file, textOf(from))
      await one.save(wanted)
      const result = await one.load({ remove: true })
      await writeFile(one.file, result.text)
      await readSite(one.file)
      const sorted = (table: string[][]) => table.filter(([id]) => named.has(id)).map((row) => row.map((cell) => cell || '')).toSorted()
      const now = await one.table()
      // What a table leaves empty and a default fills may stay unsaid.
      expect(sorted(now).map(([id, point]) => `${id}.${point}`)).toEqual(sorted(wanted).map(([id, point]) => `${id}.${point}`))
      await one.save(wanted)
      expect((await one.load({ remove: true })).changes).toEqual([])
      expect(result.text).toContain('# all of them')
    }), { numRuns: 40 * scale })
  })
})

describe('edgex-ui-go 512 and 468: hand-editing YAML for 1,000 points', () => {
  const header = 'device,point,name.zh,name.en,type,unit,scale,deadband,table,register,format\r\n'
  const rows = (count: number): string => Array.from({ length: count }, (_, n) => `plc,p-${n},测点 ${n},point ${n},number,Cel,0.1,0.2,input,${1_000 + n},s16\r\n`).join('')
  it('1,000 points come in from a spreadsheet, are changed there, and go out again', async () => {
    const { file, table, save, load } = await site(plain)
    await save(header + rows(1_000))
    const { text, changes } = await load()
    expect(changes).toHaveLength(1_000)
    await writeFile(file, text)
    expect((await readSite(file)).connections[0]!.devices[1]!.points).toHaveLength(1_002)
    const edited = await table()
    for (const row of edited) if (row[1]!.startsWith('p-')) row[edited[0]!.indexOf('poll')] = '5s'
    await save(edited)
    const second = await load()
    expect(second.changes).toHaveLength(1_000)
    expect(second.text.split('\n').filter((line) => line.includes('poll: 5s'))).toHaveLength(1_000)
    expect(second.text).toContain('# two pumps')
  })
  it('4,000 points take seconds, not minutes', { timeout: 30_000 }, async () => {
    const { file, save, load } = await site(plain)
    await save(header + rows(4_000))
    const began = performance.now()
    await writeFile(file, (await load()).text)
    await exportPoints(file, roomSchemas)
    const took = performance.now() - began
    // Under 2 s on a machine of its own; the rest is for its neighbours.
    expect(took).toBeLessThan(8_000)
    expect((await readFile(file, 'utf8')).length).toBeGreaterThan(400_000)
  })
})

/** GB18030 bytes of a text, by looking up what two bytes mean: Node has only the way back. */
function gb18030(text: string): Uint8Array {
  const decoder = new TextDecoder('gb18030')
  const codes = new Map<string, readonly number[]>()
  for (let first = 0x81; first <= 0xfe; first++) for (let second = 0x40; second <= 0xfe; second++) {
    const found = decoder.decode(Uint8Array.of(first, second))
    if (found.length === 1 && !codes.has(found)) codes.set(found, [first, second])
  }
  return Uint8Array.from([...text].flatMap((character) => codes.get(character) ?? [character.charCodeAt(0)]))
}
