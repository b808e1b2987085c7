import { describe, expect, it } from 'vitest'
import { after, card, doorRule, doorsOf, read } from './support.ts'

const open = (at: number, now = at) => read('ctl.open', true, at, now)
const closed = (at: number, now = at) => read('ctl.open', false, at, now)
const tick = (at: number) => ({ tick: at })
const word = (result: string, at: number) => card(at, at, { result })

describe('a door', () => {
  it('tells an opening after a card, with its cause, and the closing', () => {
    const door = doorRule()
    expect(after(door, closed(0), card(1_000), open(2_000), tick(4_000), closed(5_000))).toEqual(['opened', 'closed'])
    const again = doorRule()
    again.step(closed(0))
    again.step(card(1_000))
    expect(again.step(open(2_000)).effects).toMatchObject([{ event: { stream: 'event', type: 'access', subject: 'ctl', at: 2_000, data: { device: 'ctl', door: 'east', result: 'opened', cause: 'card' } } }])
  })
  it('says nothing of the card itself: its reader has told the city already', () => {
    expect(after(doorRule(), closed(0), card(1_000), word('denied', 2_000))).toEqual([])
  })
  it('is forced when nothing let anybody in, at the moment of the opening, until it is closed', () => {
    const door = doorRule()
    expect(after(door, closed(0), open(10_000))).toEqual(['opened'])
    expect(door.step(tick(11_000)).effects).toMatchObject([{ event: { at: 10_000, data: { result: 'forced' } } }, { kind: 'raise', key: 'door/east/forced', severity: 2, at: 10_000, deviceId: 'ctl', title: { zh: '东门被强行打开', en: 'east door forced open' } }])
    expect(after(door, closed(20_000))).toEqual(['closed', 'clear forced'])
  })
  it('waits a grace for a card that comes after its contact, and no longer', () => {
    expect(after(doorRule(), closed(0), open(10_000), card(9_000, 10_900), tick(11_000), tick(12_000))).toEqual(['opened'])
    expect(after(doorRule(), closed(0), open(10_000), tick(11_000))).toContain('raise forced')
  })
  it('takes it back when the card comes late and shows that somebody was let in', () => {
    expect(after(doorRule(), closed(0), open(10_000), tick(11_000), card(9_500, 14_000))).toEqual(['opened', 'forced', 'raise forced', 'clear forced'])
  })
  it('is forced also when it was closed again within the grace', () => {
    expect(after(doorRule(), closed(0), open(10_000), closed(10_500), tick(11_000))).toEqual(['opened', 'closed', 'forced', 'raise forced', 'clear forced'])
  })
  it('does not count a card of another door on the same controller', () => {
    const door = doorRule({ reader: { device: 'ctl', only: { reader: ['in-1'] } } })
    const at = (reader: string) => card(1_000, 1_000, { result: 'granted', reader })
    expect(after(door, closed(0), at('in-2'), open(2_000), tick(3_000))).toContain('forced')
    expect(after(doorRule({ reader: { device: 'ctl', only: { reader: ['in-1'] } } }), closed(0), at('in-1'), open(2_000), tick(3_000))).not.toContain('forced')
  })
  it('lets out who presses the button, and tells that: no reader does', () => {
    const door = doorRule()
    expect(after(door, closed(0), read('ctl.exit', true, 1_000), open(3_000), tick(5_000))).toEqual(['granted', 'opened'])
    // A detector that stays on lets out as long as it does.
    expect(after(door, closed(6_000), open(60_000), tick(62_000))).toEqual(['closed', 'opened'])
  })
  it('is not forced while its lock is open, nor when that is heard after the contact', () => {
    expect(after(doorRule(), closed(0), read('ctl.unlock', true, 500), open(50_000), tick(52_000))).toEqual(['opened'])
    expect(after(doorRule(), closed(0), open(10_000), read('ctl.unlock', true, 9_900, 10_100), tick(12_000))).toEqual(['opened'])
    expect(after(doorRule(), closed(0), read('ctl.unlock', true, 500), read('ctl.unlock', false, 1_000), open(1_500), tick(3_000))).toEqual(['opened'])
    expect(after(doorRule(), closed(0), read('ctl.unlock', true, 500), read('ctl.unlock', false, 1_000), open(2_500), tick(4_000))).toContain('forced')
  })
  it('tells forced once where the controller says so itself, whoever comes first', () => {
    expect(after(doorRule(), closed(0), word('forced', 10_000), open(10_100), tick(12_000), closed(20_000))).toEqual(['raise forced', 'opened', 'closed', 'clear forced'])
    expect(after(doorRule(), closed(0), open(10_000), word('forced', 10_200), tick(12_000), closed(20_000))).toEqual(['opened', 'raise forced', 'closed', 'clear forced'])
    expect(after(doorRule(), closed(0), open(10_000), tick(11_000), word('forced', 11_500), closed(20_000))).toEqual(['opened', 'forced', 'raise forced', 'closed', 'clear forced'])
  })
  it('does not keep the alert for a word without an opening', () => {
    expect(after(doorRule(), closed(0), word('forced', 10_000), tick(11_000))).toEqual(['raise forced', 'clear forced'])
  })
  it('calls nothing forced where nobody could have let anybody in, or the site file says so', () => {
    expect(after(doorRule({ reader: undefined, exitButton: undefined, lock: undefined }), closed(0), open(10_000), tick(12_000))).toEqual(['opened'])
    expect(after(doorRule({ alerts: { forced: false } }), closed(0), open(10_000), tick(12_000))).toEqual(['opened'])
  })
  it('is held open after its time, once, and until it is closed', () => {
    const door = doorRule()
    expect(after(door, closed(0), card(500), open(1_000), tick(30_999))).toEqual(['opened'])
    expect(after(door, tick(31_000), tick(90_000), closed(91_000))).toEqual(['held-open', 'raise held-open', 'closed', 'clear held-open'])
    expect(after(doorRule(), closed(0), card(500), open(1_000), word('held', 9_000), tick(31_000), closed(40_000))).toEqual(['opened', 'raise held-open', 'closed', 'clear held-open'])
  })
  it('does not take a broken wire for a closed door', () => {
    const door = doorRule()
    expect(after(door, closed(0), card(500), open(1_000), read('ctl.open', null, 5_000), tick(14_999))).toEqual(['opened'])
    expect(after(door, tick(15_000))).toEqual(['raise fault'])
    // Nobody knows whether it stood open meanwhile; back and open, it has.
    expect(after(door, tick(60_000), open(61_000))).toEqual(['clear fault', 'held-open', 'raise held-open'])
  })
  it('does not call forced what opened while nobody could see, and says so', () => {
    const door = doorRule()
    after(door, closed(0), read('ctl.open', null, 1_000))
    expect(door.step(open(5_000)).effects).toMatchObject([{ event: { data: { result: 'opened', cause: 'unknown', unseen: true } } }])
    expect(after(door, tick(8_000))).toEqual([])
  })
  it('says nothing of how it finds a door at first', () => {
    expect(after(doorRule(), open(0), tick(29_999))).toEqual([])
    expect(after(doorRule(), closed(0))).toEqual([])
  })
  it('tells tampering until it ends', () => {
    expect(after(doorRule(), read('ctl.tamper', false, 0), read('ctl.tamper', true, 1), read('ctl.tamper', null, 2), read('ctl.tamper', false, 3))).toEqual(['tamper', 'raise tamper', 'clear tamper'])
  })
  it('marks what opens after hours', () => {
    // 1970-01-01 08:00 in Shanghai was a Thursday.
    const door = doorRule({ hours: ['mon-fri 08:00-09:00'] })
    const hour = 3_600_000
    expect(after(door, closed(0), card(1_000), open(1_500), closed(3_000))).toEqual(['opened', 'closed'])
    expect(door.step(card(hour + 1_000)).effects).toEqual([])
    expect(door.step(open(hour + 1_500)).effects).toMatchObject([{ event: { data: { result: 'opened', afterHours: true } } }, { kind: 'raise', key: 'door/east/after-hours', momentary: true }])
  })
  it('is unlocked for too long, also after the hours in which it may', () => {
    expect(after(doorRule(), read('ctl.unlock', true, 0), tick(59_999), tick(60_000), read('ctl.unlock', false, 61_000))).toEqual(['unlocked-too-long', 'raise unlocked', 'clear unlocked'])
    const free = doorRule({ hours: ['mon-sun 08:00-09:00'], freeInHours: true })
    expect(free.step(read('ctl.unlock', true, 0)).wakeAt).toBe(3_600_000)
    expect(after(free, tick(3_599_999), tick(3_600_000))).toEqual(['unlocked-too-long', 'raise unlocked'])
  })
  it('locks again after a pulse, tries a few times, and not in a fire', () => {
    const pulse = { lock: { point: 'ctl.unlock', pulse: '3s' } }
    expect(after(doorRule(pulse), read('ctl.unlock', true, 0), tick(2_999), tick(3_000), read('ctl.unlock', false, 3_100), tick(60_000))).toEqual(['write ctl.unlock=false'])
    const stuck = doorRule(pulse)
    const all = after(stuck, read('ctl.unlock', true, 0), ...Array.from({ length: 100 }, (_, n) => tick(n * 1_000)))
    expect(all.filter((each) => each.startsWith('write'))).toHaveLength(5)
    expect(all).toContain('raise unlocked')
    expect(after(doorRule(pulse), read('ctl.unlock', true, 0), read('panel.fire', true, 2_000), tick(3_000), read('panel.fire', null, 4_000), tick(9_000), read('panel.fire', false, 10_000), tick(20_000))).toEqual([])
    expect(after(doorRule(pulse), read('panel.fire', true, 0), read('ctl.unlock', true, 1_000), read('panel.fire', false, 2_000), tick(20_000))).toEqual([])
  })
  it('is not confused by a wall clock that is set back', () => {
    const year = 31_536_000_000
    const door = doorRule()
    after(door, closed(year), card(year), open(year + 1_000))
    expect(after(door, tick(1_000))).toEqual([])
    expect(after(door, tick(32_000))).toEqual(['held-open', 'raise held-open'])
  })
  it('shows itself', () => {
    const doors = doorsOf()
    const door = doors.rules.find(({ id }) => id === 'door/east')!
    after(door, closed(0), card(500), open(1_000), word('denied', 1_500), tick(40_000))
    expect(doors.views(41_000)).toMatchObject([{ id: 'east', contact: 'open', openSince: 1_000, lock: 'unknown', conditions: ['heldOpen'], today: { opened: 1, granted: 1, denied: 1, 'held-open': 1 } }])
    expect(doors.views(41_000 + 86_400_000)).toMatchObject([{ today: {} }])
  })
  it('names itself in what its reader tells', () => {
    const doors = doorsOf({}, {})
    expect(doors.enrich(card(0).occurrence)).toEqual({ door: 'east' })
    expect(doors.enrich({ ...card(0).occurrence, deviceId: 'other' })).toEqual({})
  })
})
