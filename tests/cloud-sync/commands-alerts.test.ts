import { describe, expect, it } from 'vitest'
import type { Json } from '../../gateway/contract/index.ts'
import { FakeClock } from '../../gateway/kit/index.ts'
import { createAlertDesk } from '../../rules/index.ts'
import { raise, usualAlerts } from '../support/alerts.ts'
import { actor, deskBench, diskOf, later, states } from '../support/command-desks.ts'

let numbers = 0
const act = (clock: FakeClock, overrides: object = {}): object => ({ id: `a-${++numbers}`, actor, issuedat: new Date(clock.now()).toISOString(), alert: 'a000000000000001', act: 'acknowledge', ...overrides })

/** A command desk over a real alert desk with one alert that waits, both on one journal. */
async function house(config: object = { actors: { [actor]: { alerts: true } } }, folder?: string) {
  const clock = new FakeClock()
  let n = 0
  const alerts = createAlertDesk({ config: usualAlerts, newId: () => `a${String(++n).padStart(15, '0')}` })
  const bench = await deskBench({ clock, config, act: (one, now) => alerts.act(one, now), ...(folder ? { folder } : {}) })
  alerts.restore(await bench.journal.state.entries('alert/'))
  if (!folder) await bench.journal.commit(alerts.apply([raise({ at: clock.now() - 60_000 })]))
  const alert = () => alerts.find('a000000000000001')!
  return { ...bench, bench, clock, alerts, alert }
}

describe('what the city does with an alert', () => {
  it('is done, answered and recorded in one batch with the alert\'s own event', async () => {
    const { bench, clock, alert, events, journal } = await house()
    const commits = journal.statistics().commits
    const answers = bench.send(act(clock, { note: undefined }))
    await expect.poll(() => answers).toMatchObject([{ state: 'done', alert: alert().id, act: 'acknowledge', phase: 'acknowledged' }])
    expect(journal.statistics().commits - commits).toBe(1)
    expect(events.map(({ type, data }) => [type, data.state, data.by ?? data.actor])).toEqual([['alert', 'acknowledged', actor], ['command', 'done', actor]])
    expect(events[0]!.data).toMatchObject({ origin: 'city', phase: 'acknowledged', act: expect.stringMatching(/^[0-9a-f]{16}$/) })
    expect((await journal.state.entries('alert/')).map(([, value]) => (value as { entries: Json[] }).entries.length)).toEqual([2])
  })
  it('is done once, however often it is sent, also after a restart and with the book lost', async () => {
    const { bench, clock, folder } = await house()
    const request = act(clock, { act: 'comment', text: 'seen' })
    const first = bench.send(request)
    await expect.poll(() => states(first)).toEqual(['done'])
    expect(bench.send(request)).toMatchObject([{ state: 'done', repeat: true }])
    const again = await house(undefined, await diskOf(folder))
    await again.journal.commit({ state: (await again.journal.state.entries('command/')).map(([key]) => ({ key, value: null })) })
    const forgetful = await house(undefined, await diskOf(again.folder))
    const answers = forgetful.bench.send(request)
    await expect.poll(() => answers).toMatchObject([{ state: 'done', effect: 'already' }])
    expect(forgetful.alert().timeline.filter(({ what }) => what === 'commented')).toHaveLength(1)
  })
  it('tells who was first', async () => {
    const { bench, clock, alerts, alert } = await house()
    alerts.act({ id: '00000000000000aa', alert: alert().id, act: 'acknowledge', by: 'wang', origin: 'site', at: clock.now() }, clock.now())
    await clock.advance(1_000)
    const answers = bench.send(act(clock))
    await expect.poll(() => answers).toMatchObject([{ state: 'done', effect: 'already', phase: 'acknowledged', first: { by: 'wang', at: clock.now() - 1_000 } }])
  })
  it('has the time at which it was done there, never one to come', async () => {
    const { bench, clock, alert } = await house()
    const at = clock.now() - 30_000
    const answers = bench.send(act(clock, { issuedat: new Date(at).toISOString() }))
    await expect.poll(() => states(answers)).toEqual(['done'])
    expect(alert().acknowledged).toEqual({ by: actor, at })
    const ahead = bench.send(act(clock, { act: 'assign', to: 'unit-7', issuedat: later(clock, 60_000) }))
    await expect.poll(() => states(ahead)).toEqual(['done'])
    expect(alert().assigned).toMatchObject({ to: 'unit-7', at: clock.now() })
  })
  it('is refused with the desk\'s own code, and nothing changes', async () => {
    const { bench, clock, alert } = await house()
    for (const [overrides, code] of [
      [{ act: 'resolve', note: 'done' }, 'ALERT_STILL_ACTIVE'], [{ alert: 'ffffffffffffffff' }, 'ALERT_UNKNOWN'], [{ act: 'evaluate', score: 5 }, 'ALERT_NOT_ALLOWED'],
      [{ act: 'shelve', until: later(clock, 400 * 86_400_000), reason: 'x' }, 'ALERT_ACT_INVALID'], [{ act: 'explode' }, 'COMMAND_INVALID'], [{ act: 'resolve' }, 'COMMAND_INVALID'],
      [{ act: 'acknowledge', point: 'door.lamp' }, 'COMMAND_INVALID'], [{ alert: 'x' }, 'COMMAND_INVALID'], [{ actor: 'stranger' }, 'COMMAND_ACTOR'],
      [{ issuedat: new Date(clock.now() - 25 * 3_600_000).toISOString() }, 'COMMAND_EXPIRED'],
    ] as const) {
      const answers = bench.send(act(clock, overrides))
      await expect.poll(() => answers.map((answer) => answer.code), { message: JSON.stringify(overrides) }).toEqual([code])
    }
    expect(alert().timeline.map(({ what }) => what)).toEqual(['raised'])
  })
  it('is allowed by policy alone: a plain list of actors may write points and touch no alert', async () => {
    const plain = await house({ actors: [actor] })
    expect(plain.bench.send(act(plain.clock))).toMatchObject([{ state: 'rejected', code: 'COMMAND_ACTOR' }])
    const noPoints = await house({ actors: { [actor]: { alerts: true, points: false } } })
    expect(noPoints.bench.send({ id: 'w', actor, issuedat: new Date(noPoints.clock.now()).toISOString(), point: 'door.lamp', value: true })).toMatchObject([{ state: 'rejected', code: 'COMMAND_ACTOR' }])
    expect(noPoints.door.writes).toEqual([])
  })
})
