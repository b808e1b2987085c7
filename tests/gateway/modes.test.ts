import { describe, expect, it } from 'vitest'
import type { AlertWork, GatewayEvent, Journal } from '../../gateway/contract/index.ts'
import { FakeClock } from '../../gateway/kit/index.ts'
import { MaintenanceBook, modeState } from '../../gateway/modes.ts'
import { isLoud } from '../../rules/sounder/sounder.ts'
import { createAlertDesk } from '../../rules/alerts/desk.ts'
import { journalIn } from '../support/journals.ts'
import { tempFolder } from '../support/resources.ts'
import { usualAlerts } from '../support/alerts.ts'

const [minute, day] = [60_000, 86_400_000]
const device = (id: string, place?: string) => [id, { id, name: { zh: id, en: id }, connectionId: 'line', ...(place ? { place } : {}) }] as const
const facility = { devices: new Map([device('smoke', 'hall'), device('door', 'hall'), device('meter')]) }

/** A book over a journal on disk; `life` again is a restart. */
async function life(folder: string, clock: FakeClock, wrap: (journal: Journal, work: AlertWork) => Promise<void> = (journal, work) => journal.commit({ ...work, urgent: true })) {
  const journal = await journalIn(folder)
  let n = 0
  const desk = createAlertDesk({ config: usualAlerts, newId: () => `a${++n}`, now: () => clock.now() })
  desk.restore(await journal.state.entries('alert/'))
  const events: GatewayEvent[] = []
  let commits = Promise.resolve()
  const record = (work: AlertWork): Promise<void> => { events.push(...work.events); commits = wrap(journal, work); return commits }
  const book = new MaintenanceBook({ clock, facility, places: ['lobby'], newId: () => `m${clock.now()}-${++n}`, unmute: (covers, now) => desk.unmute(covers, now), record })
  book.restore(await journal.state.entries(modeState))
  const told = (): unknown[] => events.map(({ type, data }) => (type === 'alert' ? data.state : data.action))
  return { journal, desk, book, told, record, settled: async () => { await commits }, stop: () => journal[Symbol.asyncDispose]() }
}
const order = (clock: FakeClock, more: object = {}) => ({ device: 'smoke', until: clock.now() + minute, by: 'wang', reason: 'new sensor', ...more })
const smoke = (clock: FakeClock, mode?: 'maintenance') => ({ kind: 'raise', key: 'smoke', ruleId: 'smoke', severity: 1, at: clock.now(), title: { zh: '烟', en: 'smoke' }, data: {}, deviceId: 'smoke', ...(mode ? { mode } : {}) }) as const

describe('maintenance', () => {
  it('covers a device, or every device of a place, until its end', async () => {
    const clock = new FakeClock()
    const { book, told } = await life(await tempFolder(), clock)
    await book.begin(order(clock), clock.now())
    await book.begin({ place: 'hall', until: clock.now() + 2 * minute, by: 'li', reason: 'painting' }, clock.now())
    expect(['smoke', 'door', 'meter', undefined].map((id) => book.of(id))).toEqual(['maintenance', 'maintenance', undefined, undefined])
    await clock.advance(minute)
    book.tick(clock.now())
    expect(book.of('smoke')).toBe('maintenance')
    await clock.advance(minute)
    // Also before anybody ticks.
    expect(book.of('smoke')).toBeUndefined()
    book.tick(clock.now())
    expect(book.list()).toEqual([])
    expect(told()).toEqual(['maintenance-begun', 'maintenance-begun', 'maintenance-ended', 'maintenance-ended'])
  })
  it('covers what is said of the place itself, also where only a door or terminal is at it, and lets that be heard when it is over', async () => {
    const clock = new FakeClock()
    const { book, desk, told, record } = await life(await tempFolder(), clock)
    await book.begin({ place: 'hall', until: clock.now() + minute, by: 'li', reason: 'painting' }, clock.now())
    await book.begin({ place: 'lobby', until: clock.now() + 2 * minute, by: 'li', reason: 'painting' }, clock.now())
    expect([book.of(undefined, 'hall'), book.of('meter', 'lobby'), book.of('smoke', 'yard'), book.of('meter', 'yard'), book.of(undefined, 'yard')]).toEqual(['maintenance', 'maintenance', 'maintenance', undefined, undefined])
    const { deviceId: _, ...heat } = smoke(clock, 'maintenance')
    await record(desk.apply([{ ...heat, key: 'a', place: 'hall' }, { ...heat, key: 'b', place: 'lobby' }]))
    expect(desk.open().map(isLoud)).toEqual([false, false])
    await clock.advance(minute)
    book.tick(clock.now())
    expect(desk.open().map((alert) => [alert.place, isLoud(alert)])).toEqual([['hall', true], ['lobby', false]])
    await clock.advance(minute)
    book.tick(clock.now())
    expect(desk.open().map(isLoud)).toEqual([true, true])
    expect(told().slice(-2)).toEqual(['maintenance-ended', 'raised'])
  })
  it('outlives a restart, and ends in the next life when its time passed in between', async () => {
    const [folder, clock] = [await tempFolder(), new FakeClock()]
    const first = await life(folder, clock)
    const entry = await first.book.begin(order(clock), clock.now())
    await first.stop()
    const second = await life(folder, clock)
    expect(second.book.list()).toEqual([entry])
    expect(second.book.of('smoke')).toBe('maintenance')
    await second.stop()
    clock.step(day)
    const third = await life(folder, clock)
    expect(third.book.of('smoke')).toBeUndefined()
    third.book.tick(clock.now())
    await third.settled()
    expect(third.told()).toEqual(['maintenance-ended'])
    expect(await third.journal.state.entries(modeState)).toEqual([])
    third.book.tick(clock.now())
    expect(third.told()).toHaveLength(1)
  })
  it('keeps an alert quiet, and makes it heard and told when it is over and still so, also over a restart', async () => {
    const [folder, clock] = [await tempFolder(), new FakeClock()]
    const first = await life(folder, clock)
    await first.book.begin(order(clock), clock.now())
    const work = first.desk.apply([smoke(clock, first.book.of('smoke') as 'maintenance')])
    expect(work.events).toMatchObject([{ mode: 'maintenance' }])
    await first.record(work)
    expect(first.desk.open().map(isLoud)).toEqual([false])
    await first.stop()
    await clock.advance(2 * minute)
    const second = await life(folder, clock)
    expect(second.desk.open().map(isLoud)).toEqual([false])
    second.book.tick(clock.now())
    expect(second.told()).toEqual(['maintenance-ended', 'raised'])
    expect(second.desk.open().map(isLoud)).toEqual([true])
    await second.settled()
  })
  it('ended by hand is over at once', async () => {
    const clock = new FakeClock()
    const { book, told } = await life(await tempFolder(), clock)
    const { id } = await book.begin(order(clock), clock.now())
    expect(await book.end(id, clock.now())).toBe(true)
    expect(book.of('smoke')).toBeUndefined()
    expect(await book.end(id, clock.now())).toBe(false)
    expect(told()).toEqual(['maintenance-begun', 'maintenance-ended'])
  })
  it.each([
    ['no such device', { device: 'smok' }, /did you mean "smoke"/], ['no such place', { device: undefined, place: 'hal' }, /did you mean "hall"/], ['both', { place: 'hall' }, /one device, or one place/],
    ['no end', { until: NaN }, /30 days/], ['too long', { until: Date.UTC(2026, 0, 5, 8) + 31 * day }, /30 days/], ['the past', { until: 5 }, /30 days/], ['nobody', { by: ' ' }, /who/], ['no reason', { reason: '' }, /reason/],
  ])('refuses %s', async (_, more, words) => {
    const clock = new FakeClock()
    const { book, told } = await life(await tempFolder(), clock)
    const begun = book.begin(order(clock, more) as Parameters<typeof book.begin>[0], clock.now())
    await expect(begun).rejects.toMatchObject({ code: 'MAINTENANCE_INVALID', message: expect.stringMatching(words) })
    expect([book.list(), told()]).toEqual([[], []])
  })
  it('is bounded', async () => {
    const clock = new FakeClock()
    const { book } = await life(await tempFolder(), clock, async () => {})
    for (let n = 0; n < 200; n++) await book.begin(order(clock), clock.now())
    await expect(book.begin(order(clock), clock.now())).rejects.toMatchObject({ code: 'MAINTENANCE_INVALID' })
  })
  it('does not last longer because the clock was set back', async () => {
    const clock = new FakeClock()
    const { book } = await life(await tempFolder(), clock)
    await book.begin(order(clock), clock.now())
    clock.step(-40 * day)
    expect(book.of('smoke')).toBeUndefined()
  })
  it('counts at once while the disk takes nothing', async () => {
    const clock = new FakeClock()
    const { book } = await life(await tempFolder(), clock, () => new Promise(() => {}))
    const begun = book.begin(order(clock, { until: clock.now() + day }), clock.now())
    expect(book.of('smoke')).toBe('maintenance')
    await clock.advance(1_000)
    expect(await begun).toMatchObject({ device: 'smoke' })
  })
})
