import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { parseRequest } from '../../cloud-sync/commands/schema.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { deskBench, diskOf, later, request, states, type DeskBench } from '../support/command-desks.ts'
import type { CommandResult } from '../../gateway/contract/index.ts'

const ended = async (answers: readonly CommandResult[]): Promise<CommandResult> => {
  await vi.waitUntil(() => answers.length > 0 && !['accepted', 'running'].includes(answers.at(-1)!.state), { interval: 1 })
  return answers.at(-1)!
}
const begun = async ({ door }: DeskBench, writes = 1): Promise<void> => { await vi.waitUntil(() => door.writes.length >= writes, { interval: 1 }) }

describe('a command', () => {
  it('is accepted, runs and is done, each answered and each an event of the journal', async () => {
    const bench = await deskBench()
    const answers = bench.send(request(bench.clock, { id: 'c-1', idempotencykey: 'k-1' }))
    await ended(answers)
    expect(states(answers)).toEqual(['accepted', 'running', 'done'])
    expect(bench.events.map(({ type, subject, data }) => [type, subject, data.state])).toEqual([['command', 'door', 'accepted'], ['command', 'door', 'running'], ['command', 'door', 'done']])
    expect(bench.door.writes).toMatchObject([{ point: 'door.lamp', value: true }])
    expect(answers.at(-1)).toMatchObject({ id: 'c-1', idempotencykey: 'k-1', actor: 'ioc/duty', point: 'door.lamp', value: true })
    expect([bench.desk.counters, bench.desk.running]).toEqual([{ received: 1, accepted: 1, done: 1, failed: 0, expired: 0, rejected: 0, repeated: 0 }, 0])
  })
  it('is on disk before it is written', async () => {
    const bench = await deskBench()
    let storedThen = 0
    bench.door.onWrite = async () => { storedThen = (await bench.journal.state.entries('command/')).length }
    await ended(bench.send(request(bench.clock)))
    expect(storedThen).toBe(1)
  })
  it('with a key that was used gives the first result, while it runs and afterwards, and writes once', async () => {
    const bench = await deskBench()
    const write = Promise.withResolvers<void>()
    bench.door.onWrite = () => write.promise
    const wish = { idempotencykey: 'same' }
    const first = bench.send(request(bench.clock, wish))
    await begun(bench)
    const second = bench.send(request(bench.clock, { ...wish, id: 'again' }))
    expect(second).toMatchObject([{ id: 'again', state: 'running', repeat: true }])
    write.resolve()
    await ended(first)
    expect(second.at(-1)).toMatchObject({ id: 'again', state: 'done', repeat: true })
    await bench.clock.advance(23 * 3_600_000)
    expect(bench.send(request(bench.clock, wish))).toMatchObject([{ state: 'done', repeat: true }])
    expect(bench.door.writes).toHaveLength(1)
  })
  it('with a used key and another wish is rejected', async () => {
    const bench = await deskBench()
    await ended(bench.send(request(bench.clock, { idempotencykey: 'same' })))
    expect(bench.send(request(bench.clock, { idempotencykey: 'same', value: false }))).toMatchObject([{ state: 'rejected', code: 'COMMAND_KEY_REUSED' }])
    expect(bench.door.writes).toHaveLength(1)
  })
  it('is forgotten after 24 h, in memory and on disk, and too old a request is not carried out', async () => {
    const bench = await deskBench()
    await ended(bench.send(request(bench.clock, { idempotencykey: 'old' })))
    const old = request(bench.clock, { idempotencykey: 'old' })
    await bench.clock.advance(24 * 3_600_000 + 1)
    await ended(bench.send(request(bench.clock)))
    expect(await bench.journal.state.entries('command/')).toHaveLength(1)
    expect(await ended(bench.send(old))).toMatchObject({ state: 'expired', code: 'COMMAND_EXPIRED' })
    expect(bench.door.writes).toHaveLength(2)
  })

  const refused: Readonly<Record<string, readonly [overrides: object, code: string]>> = {
    'an actor that the uplink does not list': [{ actor: 'somebody' }, 'COMMAND_ACTOR'],
    'a point without cityWrite': [{ point: 'door.private' }, 'COMMAND_NOT_ALLOWED'],
    'a point that cannot be written': [{ point: 'door.fixed' }, 'POINT_NOT_WRITABLE'],
    'a point that is not there': [{ point: 'door.nowhere' }, 'POINT_UNKNOWN'],
    'a value of another type': [{ value: 'on' }, 'COMMAND_VALUE'],
    'a value outside the limits': [{ point: 'door.level', value: 101 }, 'COMMAND_VALUE'],
    'a key nobody knows': [{ force: true }, 'COMMAND_INVALID'],
    'a time that is none': [{ issuedat: 'yesterday' }, 'COMMAND_INVALID'],
    'an expiry before its issue': [{ expiresat: '2020-01-01T00:00:00Z' }, 'COMMAND_INVALID'],
    'an issue far in the future': [{ issuedat: '2027-01-01T00:00:00Z' }, 'COMMAND_TIME'],
  }
  for (const [name, [overrides, code]] of Object.entries(refused)) {
    it(`with ${name} is rejected, recorded, and nothing is written`, async () => {
      const bench = await deskBench()
      const answers = bench.send(request(bench.clock, { id: 'c-9', ...overrides }))
      expect(await ended(answers)).toMatchObject({ id: 'c-9', state: 'rejected', code, detail: expect.stringMatching(/.{10}/) })
      await vi.waitUntil(() => bench.events.length === 1, { interval: 1 })
      expect(bench.events[0]!.data).toMatchObject({ state: 'rejected', code })
      expect(bench.door.writes).toEqual([])
    })
  }
  it('that came as a retained message is rejected', async () => {
    const bench = await deskBench()
    expect(bench.send(request(bench.clock), { retained: true })).toMatchObject([{ state: 'rejected', code: 'COMMAND_RETAINED' }])
  })
  it('beyond an actor\'s rate is rejected, and taken again a little later', async () => {
    const bench = await deskBench({ config: { perMinute: 6 } })
    const all = Array.from({ length: 8 }, () => bench.send(request(bench.clock)))
    await Promise.all(all.map(ended))
    expect(all.map((answers) => answers.at(-1)!.code)).toEqual([...Array.from({ length: 6 }), 'COMMAND_RATE', 'COMMAND_RATE'])
    await bench.clock.advance(10_000)
    expect(await ended(bench.send(request(bench.clock)))).toMatchObject({ state: 'done' })
  })
  it('finds a bounded queue', async () => {
    const bench = await deskBench({ config: { perMinute: 1_000 } })
    const write = Promise.withResolvers<void>()
    bench.door.onWrite = () => write.promise
    const all = Array.from({ length: 70 }, () => bench.send(request(bench.clock)))
    expect(all.slice(64).map(([answer]) => answer!.code)).toEqual(Array.from({ length: 6 }, () => 'COMMAND_QUEUE_FULL'))
    write.resolve()
    await Promise.all(all.map(ended))
    expect(bench.door.writes).toHaveLength(64)
  })
  it('does not let strangers fill the journal: so many are recorded a minute, the rest is a number', async () => {
    const bench = await deskBench()
    const all = Array.from({ length: 500 }, () => bench.send(request(bench.clock, { actor: 'stranger' })))
    expect(all.every(([answer]) => answer!.code === 'COMMAND_ACTOR')).toBe(true)
    await bench.clock.advance(60_000)
    bench.send({})
    await vi.waitUntil(() => bench.events.length === 31, { interval: 1 })
    expect(bench.events.at(-1)!.data).toMatchObject({ unrecorded: 470, code: 'COMMAND_INVALID' })
  })

  it('that has expired on arrival is not carried out', async () => {
    const bench = await deskBench()
    const wish = request(bench.clock, { expiresat: later(bench.clock, 1_000) })
    await bench.clock.advance(1_000)
    expect(await ended(bench.send(wish))).toMatchObject({ state: 'expired', code: 'COMMAND_EXPIRED' })
    expect(bench.door.writes).toEqual([])
  })
  it('that expires while another keeps its point busy is not carried out', async () => {
    const bench = await deskBench()
    const write = Promise.withResolvers<void>()
    bench.door.onWrite = () => write.promise
    const first = bench.send(request(bench.clock))
    await begun(bench)
    const second = bench.send(request(bench.clock, { expiresat: later(bench.clock, 2_000) }))
    await vi.waitUntil(() => second.length === 1)
    await bench.clock.advance(2_000)
    expect(await ended(second)).toMatchObject({ state: 'expired', code: 'COMMAND_EXPIRED' })
    write.resolve()
    expect(await ended(first)).toMatchObject({ state: 'done' })
    expect(bench.door.writes).toHaveLength(1)
  })
  it('whose MQTT message expiry ends is not carried out, by the monotonic clock', async () => {
    const bench = await deskBench()
    const write = Promise.withResolvers<void>()
    bench.door.onWrite = () => write.promise
    const first = bench.send(request(bench.clock))
    await begun(bench)
    const second = bench.send(request(bench.clock), { lifeMs: 2_000 })
    await vi.waitUntil(() => second.length === 1)
    bench.clock.step(-3_600_000)
    await bench.clock.advance(2_000)
    expect(await ended(second)).toMatchObject({ state: 'expired' })
    write.resolve()
    await ended(first)
  })
  it('with an expiry is rejected while the clock is not synced, and one without is carried out', async () => {
    const bench = await deskBench()
    bench.quality = 'unsynced'
    expect(await ended(bench.send(request(bench.clock, { expiresat: later(bench.clock, 60_000) })))).toMatchObject({ state: 'rejected', code: 'CLOCK_UNSYNCED' })
    expect(await ended(bench.send(request(bench.clock)))).toMatchObject({ state: 'done' })
    expect(bench.door.writes).toHaveLength(1)
  })
  it('that expires during the write is called off, and its outcome is said to be unknown', async () => {
    const bench = await deskBench()
    let calledOff = false
    bench.door.onWrite = (_, signal) => new Promise((_resolve, reject) => { signal.addEventListener('abort', () => { calledOff = true; reject(signal.reason as Error) }) })
    const answers = bench.send(request(bench.clock, { expiresat: later(bench.clock, 3_000) }))
    await begun(bench)
    await bench.clock.advance(3_000)
    expect(await ended(answers)).toMatchObject({ state: 'failed', code: 'COMMAND_OUTCOME_UNKNOWN', detail: expect.stringContaining('door.lamp') })
    expect(calledOff).toBe(true)
  })
  it('to a device that never answers ends at its deadline; the point stays taken until the driver lets go', async () => {
    const bench = await deskBench({ config: { timeout: '10s' } })
    const write = Promise.withResolvers<void>()
    bench.door.onWrite = () => write.promise
    const first = bench.send(request(bench.clock))
    await begun(bench)
    await bench.clock.advance(10_000)
    expect(await ended(first)).toMatchObject({ state: 'failed', code: 'COMMAND_OUTCOME_UNKNOWN' })
    const second = bench.send(request(bench.clock))
    await vi.waitUntil(() => second.length === 1)
    await bench.clock.advance(10_000)
    expect(await ended(second)).toMatchObject({ state: 'failed', code: 'COMMAND_NOT_STARTED' })
    bench.door.onWrite = async () => {}
    const third = bench.send(request(bench.clock))
    await vi.waitUntil(() => third.length === 1)
    expect(bench.door.writes).toHaveLength(1)
    write.resolve()
    expect(await ended(third)).toMatchObject({ state: 'done' })
  })
  it('runs beside one of another point and behind one of its own', async () => {
    const bench = await deskBench()
    const write = Promise.withResolvers<void>()
    bench.door.onWrite = () => write.promise
    const all = [bench.send(request(bench.clock, { value: true })), bench.send(request(bench.clock, { value: false })), bench.send(request(bench.clock, { point: 'door.level', value: 5 }))]
    await begun(bench, 2)
    expect(bench.door.writes.map(({ point }) => point).toSorted()).toEqual(['door.lamp', 'door.level'])
    write.resolve()
    await Promise.all(all.map(ended))
    expect(bench.door.writes.filter(({ point }) => point === 'door.lamp').map(({ value }) => value)).toEqual([true, false])
  })
  it('fails with the device\'s own code', async () => {
    const bench = await deskBench()
    bench.door.onWrite = async () => { throw Object.assign(new Error('reads back otherwise'), { code: 'WRITE_NOT_CONFIRMED' }) }
    expect(await ended(bench.send(request(bench.clock)))).toMatchObject({ state: 'failed', code: 'WRITE_NOT_CONFIRMED' })
  })
  it('calls rejected what a door did not let through: nothing was written', async () => {
    const bench = await deskBench()
    bench.door.onWrite = async () => { throw Object.assign(new Error('not in a fire'), { code: 'DOOR_FIRE' }) }
    expect(await ended(bench.send(request(bench.clock)))).toMatchObject({ state: 'rejected', code: 'DOOR_FIRE' })
  })
})

describe('the physical effect of a command', () => {
  const unlock = (bench: DeskBench, overrides: object = {}): CommandResult[] => bench.send(request(bench.clock, { point: 'door.unlock', ...overrides }))
  it('is confirmed when the contact changes, also during the write', async () => {
    const bench = await deskBench()
    bench.door.contact(false)
    bench.door.onWrite = async () => { bench.door.contact(true); bench.door.contact(false) }
    expect(await ended(unlock(bench))).toMatchObject({ state: 'done', effect: 'confirmed' })
    expect(bench.door.watched).toBe(0)
  })
  it('is waited for', async () => {
    const bench = await deskBench()
    bench.door.contact(false)
    const answers = unlock(bench)
    await begun(bench)
    await bench.clock.advance(4_000)
    bench.door.contact(true)
    expect(await ended(answers)).toMatchObject({ state: 'done', effect: 'confirmed' })
  })
  it('that does not come fails the command and names both points', async () => {
    const bench = await deskBench()
    bench.door.contact(false)
    const answers = unlock(bench)
    await begun(bench)
    await bench.clock.advance(1)
    await bench.clock.advance(5_000)
    expect(await ended(answers)).toMatchObject({ state: 'failed', code: 'COMMAND_NO_EFFECT', detail: expect.stringMatching(/door\.unlock took true.*door\.open did not become true within 5 s/) })
  })
  it('cannot be told from a contact that cannot be read', async () => {
    const bench = await deskBench()
    bench.door.contact(null)
    const answers = unlock(bench)
    await begun(bench)
    await bench.clock.advance(1)
    await bench.clock.advance(5_000)
    expect(await ended(answers)).toMatchObject({ code: 'COMMAND_NO_EFFECT', detail: expect.stringContaining('door.open cannot be read') })
  })
  it('that was there before is not called confirmed', async () => {
    const bench = await deskBench()
    bench.door.contact(true)
    expect(await ended(unlock(bench))).toMatchObject({ state: 'done', effect: 'already' })
  })
  it('belongs to the value that has it', async () => {
    const bench = await deskBench()
    bench.door.contact(false)
    const result = await ended(unlock(bench, { value: false }))
    expect(result).toMatchObject({ state: 'done' })
    expect(result.effect).toBeUndefined()
  })
})

describe('commands over a restart', () => {
  it('keep their results: the repeat of a done one is answered, not carried out', async () => {
    const bench = await deskBench()
    await ended(bench.send(request(bench.clock, { idempotencykey: 'k' })))
    const next = await deskBench({ folder: await diskOf(bench.folder), clock: bench.clock })
    expect(next.send(request(bench.clock, { idempotencykey: 'k' }))).toMatchObject([{ state: 'done', repeat: true }])
    expect(next.door.writes).toEqual([])
  })
  it('stop with a result for each', async () => {
    const bench = await deskBench()
    bench.door.onWrite = (_, signal) => new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(signal.reason as Error)) })
    const running = bench.send(request(bench.clock))
    await begun(bench)
    const waiting = bench.send(request(bench.clock))
    await vi.waitUntil(() => waiting.length === 1)
    await bench.desk[Symbol.asyncDispose]()
    expect(running.at(-1)).toMatchObject({ state: 'failed', code: 'COMMAND_OUTCOME_UNKNOWN' })
    expect(waiting.at(-1)).toMatchObject({ state: 'failed', code: 'COMMAND_NOT_STARTED' })
    expect(bench.send(request(bench.clock))).toMatchObject([{ code: 'COMMAND_NOT_STARTED' }])
  })
})

describe('a request from outside', () => {
  it('law: whatever the bytes are, they are a request or a refusal with a code', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }), fc.json().map((text) => Buffer.from(text)),
      fc.record({ id: fc.anything(), idempotencykey: fc.anything(), actor: fc.anything(), issuedat: fc.anything(), point: fc.anything(), value: fc.anything() }).map((value) => Buffer.from(JSON.stringify(value) ?? '')),
    )
    fc.assert(fc.property(hostile, (bytes) => {
      try { expect(parseRequest(bytes)).toMatchObject({ id: expect.any(String), actor: expect.any(String) }) } catch (error) { expect(codeOf(error)).toBe('COMMAND_INVALID') }
    }))
  })
  it('is not read when it is too large', () => {
    try { parseRequest(Buffer.alloc(16_385, 0x20)); expect.unreachable() } catch (error) { expect(codeOf(error)).toBe('COMMAND_TOO_LARGE') }
  })
  it('takes its id for its key, when it has none', () => {
    expect(parseRequest(Buffer.from(JSON.stringify({ id: 'x', actor: 'a', issuedat: '2026-01-05T16:00:00+08:00', point: 'a.b', value: 1 })))).toMatchObject({ idempotencyKey: 'x', issuedAt: Date.UTC(2026, 0, 5, 8) })
  })
})
