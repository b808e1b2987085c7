import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import mqtt from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checklistOf, CommissioningDesk, differences, readCommissioning, signCommissioning, siteTime, Watch, type Check } from '../../firmware-config/commission/index.ts'
import type { Reading } from '../../gateway/contract/index.ts'
import { FakeClock, silentLog } from '../../gateway/kit/index.ts'
import { linli } from '../support/command-line.ts'
import { devicePassword, runGateway, siteFile } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { reading } from '../support/points.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { terminal } from '../support/terminal.ts'
import { itWith } from '../support/tools.ts'

const check = (point: string, kind: Check['kind'], least = 0): Check => ({ point, kind, least, deviceId: 'd', device: { zh: '设', en: 'd' }, name: { zh: '点', en: 'p' }, ask: { zh: '', en: '' }, wiring: '', graceMs: 3_000 })
const front = check('hall.front', 'switch')
const back = check('hall.back', 'switch')
const warm = check('hall.warm', 'measure', 0.5)
const all = [front, back, warm]
/** Called: he says that he does it. */
const called = (check: Check): Watch => { const watch = new Watch(check, all, rest); watch.call(); return watch }
const rest = [['hall.front', false], ['hall.back', false], ['hall.warm', 20]] as const

describe('who looks on while a point is moved', () => {
  it('sees the point that was asked for', () => {
    expect(called(front).take(reading('hall.front', true, 1_000))).toMatchObject({ outcome: 'seen', seen: { before: false, after: true } })
  })
  it('calls it swapped where another switch moves in its place, and waits for the right one a moment first', () => {
    const watch = called(front)
    expect(watch.take(reading('hall.back', true, 1_000))).toBeNull()
    expect(watch.tick(2_000)).toBeNull()
    expect(watch.tick(4_000)).toMatchObject({ outcome: 'swapped', other: 'hall.back' })
    const both = called(front)
    both.take(reading('hall.back', true, 1_000))
    expect(both.take(reading('hall.front', true, 1_500))).toMatchObject({ outcome: 'seen' })
  })
  it('takes no drift for a hand, no measure for a swap, and nothing bad or repeated for anything', () => {
    const watch = called(warm)
    for (const each of [reading('hall.warm', 20.3, 1), reading('hall.warm', null, 2, { quality: 'bad' }), reading('hall.front', false, 3), reading('hall.other', true, 4)]) expect(watch.take(each)).toBeNull()
    expect(called(front).take(reading('hall.warm', 90, 1))).toBeNull()
    // A slow hand: compared with where it began.
    expect(watch.take(reading('hall.warm', 20.45, 5))).toBeNull()
    expect(watch.take(reading('hall.warm', 21, 6))).toMatchObject({ outcome: 'seen', seen: { before: 20, after: 21 } })
  })
  it('takes nothing for done that moved before somebody said that he does it: a visitor, a door that falls shut, a room that warms up', () => {
    const watch = new Watch(warm, all, rest)
    expect(watch.take(reading('hall.warm', 24, 1))).toBeNull()
    expect(watch.early).toBe(true)
    watch.take(reading('hall.back', true, 2))
    watch.call()
    expect(watch.tick(60_000)).toBeNull()
    expect(watch.take(reading('hall.warm', 24.3, 60_001))).toBeNull()
    expect(watch.take(reading('hall.warm', 26, 60_002))).toMatchObject({ outcome: 'seen', seen: { before: 24, after: 26 } })
  })
  it('law: nothing is seen that did not come, and of two switches crossed over none passes', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(900)), { maxLength: 30 }), (moves) => {
      const watch = called(front)
      let at = 0
      const verdicts = moves.map(([value, step]) => watch.take(reading('hall.back', value, at += step)))
      expect(verdicts.some((verdict) => verdict?.outcome === 'seen')).toBe(false)
    }))
  })
})

describe('the desk of the page', () => {
  /** A building in the hands of the test, on a clock of its own. */
  const bench = async (checks: readonly Check[] = all) => {
    const folder = path.join(await tempFolder(), 'commission')
    const clock = new FakeClock(1_790_000_000_000)
    const listeners = new Set<(each: Reading) => void>()
    const values = new Map(rest.map(([point, value]) => [point as string, reading(point, value, clock.now())]))
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const der = publicKey.export({ type: 'spki', format: 'der' })
    const signer = { publicKey: der.toString('base64'), keyId: createHash('sha256').update(der).digest('hex').slice(0, 16), sign: (text: string) => sign(null, Buffer.from(text), privateKey).toString('base64') }
    const open = (list = checks): CommissioningDesk => {
      const desk = new CommissioningDesk({
        folder, checks: list, hasCity: false, zone: 'Asia/Shanghai', clock, log: silentLog(), sign: async (report) => signCommissioning(report, signer),
        facts: () => ({ gateway: 'hall-1', site: { zh: '厅', en: 'hall' }, region: '420106', version: '1', timeQuality: 'synced', siteFile: 'f'.repeat(64) }),
        host: { readings: async () => values.values(), listen: (heard) => { listeners.add(heard); return () => listeners.delete(heard) }, telemetry: async () => ({ head: null, cities: [] }) },
      })
      onTestFinished(() => desk[Symbol.asyncDispose]())
      return desk
    }
    const move = async (point: string, value: number | boolean): Promise<void> => { const fresh = reading(point, value, clock.now()); values.set(point, fresh); for (const heard of listeners) heard(fresh); await clock.advance(10) }
    return { folder, clock, open, move, listeners }
  }
  const at = async (desk: CommissioningDesk) => (await desk.now()).current?.point

  it('keeps what was done over a restart, and asks again what is read in another way since', async () => {
    const { open, move, listeners } = await bench()
    const first = open()
    await first.begin('wang', false)
    await first.act({ act: 'call', point: 'hall.front' })
    await move('hall.front', true)
    await expect.poll(() => at(first)).toBe('hall.back')
    await first.act({ act: 'skip', point: 'hall.back', reason: '' })
    await expect(first.begin('li', false)).rejects.toMatchObject({ code: 'COMMISSION_RUNNING' })
    await expect(first.act({ act: 'call', point: 'hall.front' })).rejects.toMatchObject({ code: 'COMMISSION_MOVED_ON' })
    await first[Symbol.asyncDispose]()
    expect(listeners.size).toBe(0)
    const second = open()
    expect(await second.now()).toMatchObject({ running: true, current: { point: 'hall.warm', calledAt: null }, counts: { total: 3, passed: 1, skipped: 1, left: 1 } })
    await second[Symbol.asyncDispose]()
    expect(await open([{ ...front, wiring: 'another register' }, back, warm]).now()).toMatchObject({ counts: { passed: 0, skipped: 1, left: 2 } })
  })
  it('ends in a report that is signed and kept, at most fifty, and goes on where its progress is damaged', async () => {
    const { open, move, folder, clock } = await bench()
    const desk = open()
    await expect(desk.finish()).rejects.toMatchObject({ code: 'COMMISSION_NONE' })
    for (let n = 0; n < 52; n++) {
      await desk.begin('wang', false)
      if (n === 51) { await desk.act({ act: 'call', point: 'hall.front' }); await move('hall.front', true); await expect.poll(() => at(desk)).toBe('hall.back') }
      await desk.finish()
      await clock.advance(1_000)
    }
    const { reports } = await desk.view()
    expect([reports.length, (await readdir(folder)).length]).toEqual([50, 50])
    expect(reports[0]).toMatchObject({ by: 'wang', passed: 1, failed: 0, skipped: 2 })
    expect((await desk.report(reports[0]!.id)).before).toEqual({ id: reports[1]!.id, differences: [{ point: 'hall.front', was: 'skipped', now: 'passed' }] })
    for (const id of ['1790000000000', '../signing', 'x']) await expect(desk.report(id)).rejects.toMatchObject({ code: 'COMMISSION_UNKNOWN' })
    await desk.begin('li', true)
    expect(await desk.now()).toMatchObject({ counts: { passed: 1, left: 2 }, current: { point: 'hall.back' } })
    await desk[Symbol.asyncDispose]()
    await writeFile(path.join(folder, 'progress.json'), '{"format":1')
    expect(await open().now()).toMatchObject({ running: false })
    expect(await readdir(folder)).toContain('progress.json.damaged')
  })
})

itWith('socat', 'mosquitto')('an installer commissions three doors, one of them wired to another\'s contact, and the city\'s receipt stands in the report', { timeout: 60_000 }, async () => {
  const broker = await mosquitto()
  const folder = await tempFolder()
  const port = await freePort()
  const contact = (id: string): string => `${id}: { name: { zh: ${id}, en: ${id} }, type: boolean, topic: "devices/{device}/${id}", pointer: "", urgent: true }`
  const file = await siteFile(folder, [
    `connections: [{ id: broker, driver: mqtt, listen: { port: ${port} } }]`,
    `devices: [{ id: hall, name: { zh: 大厅, en: hall }, connection: broker, password: { env: LINLI_TEST_PASSWORD }, points: { ${['front', 'back', 'side'].map(contact).join(', ')} } }]`,
    `uplinks: [{ id: city, url: "mqtt://127.0.0.1:${broker.port}" }]`])
  await runGateway(file)
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: 'hall', username: 'hall', password: devicePassword })
  onTestFinished(() => device.endAsync(true))
  const set = (point: string, value: boolean): Promise<unknown> => device.publishAsync(`devices/hall/${point}`, String(value), { qos: 1 })
  for (const point of ['front', 'back', 'side']) await set(point, false)

  const out = path.join(folder, 'report')
  const desk = terminal(['commission', file, '--out', out, '--by', '王师傅'])
  await desk.answer('hall.front')
  await desk.until('…')
  await set('front', true)
  await desk.until(/✓ seen \d\d:\d\d:\d\d UTC\+08:00, .*false → true; the city has it after \d+ ms/)
  await desk.until('3 points: 1 done (0 failed), 0 left out, 2 to go')
  await desk.answer('hall.back')
  await desk.until('…')
  await set('front', false)
  await set('side', true)
  await desk.until(/✗ failed .*hall\.side moved in its place/)
  // Its name stands in the verdict before, too.
  await desk.until('3/3')
  await desk.answer('hall.side', 's')
  await desk.until('3 points: 2 done (1 failed), 1 left out, 0 to go')
  await desk.until(/UTC\+08:00, by 王师傅: 3 points, 2 done, 1 left; 1 passed, 1 failed, 1 left out/)
  expect(await desk.exited).not.toBeNull()

  const text = await readFile(`${out}.json`, 'utf8')
  const { commissioning: report } = readCommissioning(text, 'report')
  expect(report).toMatchObject({ gateway: 'hall-1', by: '王师傅', results: [
    { point: 'hall.front', outcome: 'passed', before: false, after: true, receipt: { uplink: 'city', stream: 'telemetry', seq: expect.any(Number) } },
    { point: 'hall.back', outcome: 'failed', swappedWith: 'hall.side' }, { point: 'hall.side', outcome: 'skipped' }] })
  const [first] = report.results
  expect(first!.seenAt).toBeGreaterThanOrEqual(first!.stimulusAt!)
  const page = await readFile(`${out}.html`, 'utf8')
  for (const word of ['王师傅', '通过', 'passed', '可能接反', 'hall.side', '<b>3</b> · 已测 <small>done</small>: <b>2</b> · 剩余 <small>left</small>: <b>1</b>']) expect(page).toContain(word)
  expect(page.match(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} <small>UTC\+08:00<\/small>/g)).toHaveLength(4)

  // Whoever changes a word of it is found out.
  const forged = path.join(folder, 'forged.json')
  await writeFile(forged, text.replace('"outcome":"failed"', '"outcome":"passed"'))
  expect(await linli('commission', file, '--check', forged)).toMatchObject({ code: 1, stderr: expect.stringContaining('COMMISSION_FORGED') })
  expect(await linli('commission', file, '--check', `${out}.json`)).toMatchObject({ code: 0, stdout: expect.stringMatching(/hall\.back +failed +hall\.side/) })

  // The wires are put right; only what did not pass is asked again.
  const again = terminal(['commission', file, '--out', `${out}-2`, '--resume', `${out}.json`])
  await again.answer('hall.back')
  await again.until('…')
  await set('back', true)
  await again.until('✓ seen')
  await again.answer('hall.side')
  await again.until('…')
  await set('side', false)
  await again.until('3 passed, 0 failed, 0 left out')
  const later = readCommissioning(await readFile(`${out}-2.json`, 'utf8'), 'later').commissioning
  expect(differences(report, later)).toEqual([{ point: 'hall.back', was: 'failed', now: 'passed' }, { point: 'hall.side', was: 'skipped', now: 'passed' }])
})

it('tells the time of the site with its distance from UTC, in summer and where there is none', () => {
  const at = Date.UTC(2026, 6, 1, 12, 0, 0)
  expect(['Asia/Shanghai', 'Europe/Berlin', 'UTC', 'Asia/Kathmandu'].map((zone) => Object.values(siteTime(at, zone)).join(' '))).toEqual(['2026-07-01 20:00:00 UTC+08:00', '2026-07-01 14:00:00 UTC+02:00', '2026-07-01 12:00:00 UTC+00:00', '2026-07-01 17:45:00 UTC+05:45'])
})

it('has nothing to ask without a terminal, and says so', async () => {
  expect(await linli('commission', 'firmware-config/demo/site.yaml')).toMatchObject({ code: 1, stderr: expect.stringContaining('COMMISSION_TERMINAL') })
  expect(checklistOf([])).toEqual([])
})
