import path from 'node:path'
import { readdir, readFile, stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { reportData } from '../../cloud-sync/contract-docs/report-record.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { FileEventLog } from '../../gateway/event-log/index.ts'
import { FileHistory } from '../../gateway/history/index.ts'
import { FakeClock, silentLog, StoreError } from '../../gateway/kit/index.ts'
import { startGateway } from '../../gateway/main.ts'
import { Reporter, reportState, type ReporterParts } from '../../gateway/reporter.ts'
import { createMonths } from '../../rules/report/index.ts'
import { linli } from '../support/command-line.ts'
import { siteFile } from '../support/gateways.ts'
import { contentOf, drain, journalIn } from '../support/journals.ts'
import { reading } from '../support/points.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { mqttProfileless } from './history/site.ts'

const months = createMonths('Asia/Shanghai')
const december = months.parse('2026-12')!
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]

async function life(folder: string, clock: FakeClock, more: Partial<ReporterParts> = {}) {
  const journal = await journalIn(folder)
  const reader = await journal.reader('city', { from: 'start' })
  const made: string[] = []
  const reporter = new Reporter({
    clock, log: silentLog(), state: journal.state, record: (events, state) => journal.commit({ events, state, urgent: true }), monthOf: months.of, before: months.before,
    hasData: async () => true, figures: async ({ name }) => { made.push(name); return { month: name } }, ...more,
  })
  /** A second of the pipeline's life. */
  const tick = async (): Promise<void> => { reporter.tick(clock.now()); await new Promise((resolve) => { setTimeout(resolve, 30) }) }
  return { reporter, made, tick, journal, reports: async () => (await drain(reader, 'event')).map((record) => contentOf(record).data.month), stop: () => journal[Symbol.asyncDispose]() }
}

describe('the monthly report', () => {
  it('is told once, shortly after the month, however often the gateway starts', async () => {
    const [folder, clock] = [await tempFolder(), new FakeClock(december.from - 10_000)]
    const first = await life(folder, clock, { hasData: async ({ name }) => name >= '2026-11' })
    await first.tick()
    await clock.advance(10_000)
    await first.tick()
    expect(first.made).toEqual([])
    await clock.advance(5 * minute)
    for (let n = 0; n < 3; n++) await first.tick()
    expect(await first.reports()).toEqual(['2026-11'])
    expect(await first.reporter.told('2026-11')).toEqual({ month: '2026-11' })
    await first.stop()
    await clock.advance(5 * day)
    const second = await life(folder, clock)
    for (let n = 0; n < 3; n++) await second.tick()
    expect([second.made, await second.reports()]).toEqual([[], []])
    await clock.advance(40 * day)
    await second.tick()
    expect(await second.reports()).toEqual(['2026-12'])
  })
  it('is told at the next start when the gateway was off at the month\'s end', async () => {
    const { tick, reports } = await life(await tempFolder(), new FakeClock(december.from + 9 * day))
    await tick()
    expect(await reports()).toEqual(['2026-11'])
  })
  it('is not told of a month of which nothing is known, nor by a clock that was never set', async () => {
    const { tick, made } = await life(await tempFolder(), new FakeClock(december.from + hour), { hasData: async () => false })
    await tick()
    const unset = await life(await tempFolder(), new FakeClock(40 * day))
    await unset.tick()
    expect([...made, ...unset.made]).toEqual([])
  })
  it('is tried again in an hour when it could not be stored', async () => {
    const clock = new FakeClock(december.from + hour)
    let fails = true
    const { tick, made } = await life(await tempFolder(), clock, { record: async () => { if (fails) throw new StoreError('JOURNAL_OVERLOADED', 'full') } })
    for (let n = 0; n < 3; n++) await tick()
    expect(made).toHaveLength(1)
    fails = false
    await clock.advance(hour)
    for (let n = 0; n < 3; n++) await tick()
    expect(made).toHaveLength(2)
  })
  it('keeps what it told for two years', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock(december.from + hour)
    const { reporter, made, journal } = await life(folder, clock)
    for (let n = 1; n <= 27; n++) {
      await expect.poll(() => { reporter.tick(clock.now()); return made.length }).toBe(n)
      await clock.advance(31 * day)
    }
    await expect.poll(async () => (await journal.state.entries(reportState)).map(([key]) => key)).toSatisfy((kept: string[]) => kept.length === 24 && kept.at(-1) === 'report/2029-01')
  })
})

it('goes up in the shape that the platform was told, and is shown by linli report as a table, JSON and a page, alike of a gateway that runs and of one that is stopped', { timeout: 30_000 }, async () => {
  const folder = await tempFolder()
  const file = await siteFile(folder, ['report: { climate: [{ point: meter.n, max: 5 }] }', ...mqttProfileless(await freePort())])
  process.env.LINLI_TEST_PASSWORD = 'right horse'
  const before = months.before(months.of(Date.now()))
  // What a life in that month left behind.
  const clock = new FakeClock(before.to - day)
  await using log = new FileEventLog({ folder: path.join(folder, 'data/events'), clock, log: silentLog(), keepDays: 400, retainDays: 90, maxBytes: 1 << 26, minFreeBytes: 0 })
  log.record([{ stream: 'event', type: 'evaluation', at: before.from + day, data: { device: 'meter', score: 2 } }, { stream: 'event', type: 'evaluation', at: clock.now(), data: { device: 'meter', score: 5 } }])
  await log[Symbol.asyncDispose]()
  await using history = new FileHistory({ folder: path.join(folder, 'data/history'), clock, log: silentLog(), maxBytes: 1 << 26, rawDays: 7, minuteDays: 62, minFreeBytes: 0 })
  for (let n = 0; n < 40; n++) {
    history.readings([reading('meter.n', n < 20 ? 4 : 7, clock.now())])
    await clock.advance(minute)
    await history.chart('meter.n', clock.now() - minute, clock.now(), 1)
  }
  await history[Symbol.asyncDispose]()
  await using gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  const socket = path.join(folder, 'data/linli.sock')
  const client = controlClient(socket)
  const told = async (): Promise<unknown> => (await Array.fromAsync(client.events(Date.now() - hour, Date.now() + 1, ['report'], new AbortController().signal)))[0]?.data
  const duringSettling = Date.now() < before.to + 5 * minute
  if (!duringSettling) {
    await expect.poll(told, { timeout: 10_000 }).toMatchObject({ month: before.name, complete: true, ratings: { n: 2, mean: 3.5, poor: 1 }, climate: [{ point: 'meter.n', knownS: 2_400, within: 0.5 }], devices: { count: 1, known: 0, online: null } })
    expect(reportData.strict().safeParse(await told())).toMatchObject({ success: true })
  }
  const shown = await linli('report', file, '--month', before.name)
  expect(shown.stdout).toMatch(/ratings 2, mean 3\.5, poor 1/)
  expect(shown.stdout).toMatch(/devices online not known, 0 of 1 known/)
  expect(JSON.parse((await linli('report', '--socket', socket, '--month', before.name, '--fresh', '--json')).stdout)).toMatchObject({ month: before.name, watched: { knownS: 2_400 } })
  const page = path.join(folder, 'report.html')
  expect(await linli('report', '--socket', socket, '--html', page)).toMatchObject({ code: 0 })
  expect(await readFile(page, 'utf8')).toMatch(/厅 <small>hall<\/small>[\s\S]*设施月报/)
  expect(await linli('report', '--socket', socket, '--html', path.join(folder, 'no/where.html'))).toMatchObject({ code: 1, stderr: expect.stringContaining('REPORT_TARGET') })
  expect(await linli('report', '--socket', socket, '--month', '2026-13')).toMatchObject({ code: 1, stderr: expect.stringContaining('REPORT_MONTH') })

  const asked = [['--month', before.name], ['--month', before.name, '--fresh'], []].map((options) => ['report', file, ...options, '--json'])
  const running = await Promise.all(asked.map((words) => linli(...words)))
  expect(running.map(({ code }) => code)).toEqual([0, 0, 0])
  // A shift and the alarms: in the site's time, whose day begins at 16:00 UTC, also where nothing but the socket is known.
  const dayName = (at: number): string => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short' }).format(at)
  const then = dayName(before.from + day)
  const parts = [['--shift', then], ['--shift', `${then}/day`], ['--alarms', '--month', before.name]]
  const inParts = await Promise.all(parts.map((words) => linli('report', '--socket', socket, ...words)))
  expect(inParts.map(({ code, stderr }) => [code, stderr])).toEqual(parts.map(() => [0, '']))
  const [shifts, shift, alarms] = inParts.map(({ stdout }) => stdout) as [string, string, string]
  expect(shifts).toMatch(new RegExp(`${then}/day +${then} 00:00 +${dayName(before.from + 2 * day)} 00:00`))
  expect(shift).toMatch(new RegExp(`^${then}/day  ${then} 00:00 to ${dayName(before.from + 2 * day)} 00:00 \\(Asia/Shanghai\\)\n[^]*ratings 1, mean 2`))
  expect(alarms).toMatch(new RegExp(`^${before.name}-01 00:00 to \\d{4}-\\d\\d-01 00:00  alarms raised 0`))

  await gateway[Symbol.asyncDispose]()
  const files = async (): Promise<readonly string[]> => Promise.all((await readdir(path.join(folder, 'data'), { recursive: true })).map(async (name) => { const { size, mtimeMs } = await stat(path.join(folder, 'data', name)); return `${name} ${size} ${mtimeMs}` }))
  const left = await files()
  expect(await Promise.all(asked.map((words) => linli(...words)))).toEqual(running)
  expect((await linli('report', file, '--month', before.name)).stdout).toMatch(new RegExp(`does not run; drawn up from ${folder}/data\n[\\s\\S]*${duringSettling ? '' : 'as it went up to the platform[\\s\\S]*'}ratings 2, mean 3\\.5, poor 1`))
  const stoppedParts = await Promise.all([...parts.map((words) => linli('report', file, ...words)), linli('report', '--shift', file), linli('report', '--socket', socket, '--alarms')])
  expect(stoppedParts.slice(0, 3).map(({ stdout }) => stdout.replace(/^the gateway does not run.*\n/, ''))).toEqual([shifts, shift, alarms])
  expect(stoppedParts[3]).toMatchObject({ code: 0, stdout: expect.stringContaining(`${dayName(Date.now())}/day`) })
  expect(stoppedParts[4]).toMatchObject({ code: 1, stderr: expect.stringMatching(/CONTROL_UNREACHABLE .*give the site file/) })
  expect(await files()).toEqual(left)
  expect(await linli('report', '--socket', socket)).toMatchObject({ code: 1, stderr: expect.stringMatching(/CONTROL_UNREACHABLE .*give the site file/) })
  expect(await linli('report', await siteFile(await tempFolder(), mqttProfileless(await freePort())))).toMatchObject({ code: 1, stderr: expect.stringMatching(/REPORT_NO_DATA .*holds neither events nor history of hall-1; check store\.path/) })
})
