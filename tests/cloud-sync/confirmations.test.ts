import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Confirmations, parseConfirmation } from '../../cloud-sync/confirmations.ts'
import { Suspects } from '../../cloud-sync/suspects.ts'
import type { Stored } from '../../gateway/contract/index.ts'
import { DataError, FakeClock } from '../../gateway/kit/index.ts'

const epochs = ['00000001-0000000a', '00000002-0000000b']
const stored = (index: number): Stored => ({ stream: 'event', epoch: epochs[Math.floor(index / 20)]!, seq: (index % 20) + 1, at: 0, bytes: Buffer.alloc(10), encoding: 'json' })
const key = ({ epoch, seq }: { readonly epoch: string; readonly seq: number }): string => `${epoch}/${seq}`

describe('confirmations', () => {
  it('settle a record once, only by its own epoch\'s word, and what has no word is always due again', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('select' as const) }),
      fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ kind: fc.constant('puback' as const), share: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('refuse' as const) }),
      fc.record({ kind: fc.constant('confirm' as const), epoch: fc.nat(1), seq: fc.integer({ min: 1, max: 21 }) }),
      fc.record({ kind: fc.constant('disconnect' as const) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 30_000, 60_000, 70_000) }),
    )
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 250 }), async (steps) => {
      const clock = new FakeClock()
      const book = new Confirmations(clock)
      const all = Array.from({ length: 40 }, (_, index) => stored(index))
      const sent = new Set<string>()
      const done = new Set<string>()
      let inAir: Stored[] = []
      let queue: Stored[] = []
      for (const each of steps) {
        if (each.kind === 'select') {
          const { send, passed } = book.select(all)
          expect(passed).toBe(all.length)
          queue = [...send]
        } else if (each.kind === 'send') {
          // What was selected a while ago: some of it was confirmed since.
          for (const record of queue.splice(0, each.count)) {
            if (!book.wants(record)) continue
            expect(done.has(key(record))).toBe(false)
            expect(inAir.map(key)).not.toContain(key(record))
            book.sent(record); sent.add(key(record)); inAir.push(record)
          }
        } else if (each.kind === 'puback') {
          const answered = inAir.filter((_, index) => index % each.share === 0)
          for (const record of answered) book.published(record)
          inAir = inAir.filter((record) => !answered.includes(record))
        } else if (each.kind === 'refuse') {
          const record = inAir.shift()
          if (record) { book.refused(record); done.add(key(record)) }
        } else if (each.kind === 'confirm') {
          const epoch = epochs[each.epoch]!
          for (const position of book.confirm({ stream: 'event', epoch, seq: each.seq })) {
            expect(position.epoch === epoch && position.seq <= each.seq && sent.has(key(position)) && !done.has(key(position))).toBe(true)
            done.add(key(position))
          }
          inAir = inAir.filter((record) => !done.has(key(record)))
        } else if (each.kind === 'disconnect') { book.disconnected(); inAir = []; queue = [] } else await clock.advance(each.ms)
      }
      for (const record of inAir) book.published(record)
      await clock.advance(60_000)
      expect(book.select(all).send.map(key)).toEqual(all.map(key).filter((each) => !done.has(each)))
      expect(book.waiting).toBe([...sent].filter((each) => !done.has(each)).length)
    }))
  })
  it('are read from anything at all without harm', () => {
    const ours = fc.record({ stream: fc.oneof(fc.constant('event'), fc.anything()), epoch: fc.oneof(fc.constant(epochs[0]), fc.anything()), seq: fc.oneof(fc.integer(), fc.anything()) }, { requiredKeys: [] })
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.json().map((text) => Buffer.from(text)), ours.map((value) => Buffer.from(JSON.stringify(value) ?? ''))), (payload) => {
      try {
        const { stream, epoch, seq } = parseConfirmation(payload)
        expect([stream, epoch].every((text) => /^[0-9a-z-]{1,48}$/.test(text)) && Number.isSafeInteger(seq) && seq > 0).toBe(true)
      } catch (error) { expect(error).toBeInstanceOf(DataError) }
    }))
  })
})

describe('a suspect', () => {
  const place = (seq: number) => ({ stream: 'event', epoch: epochs[0]!, seq })
  const kill = (suspects: Suspects, seq: number, times: number, alone = false): void => { for (let n = 0; n < times; n++) suspects.died(place(seq), alone) }
  it('is found by three deaths and condemned by three more alone', () => {
    const suspects = new Suspects()
    kill(suspects, 5, 2)
    expect(suspects.isCareful('event')).toBe(false)
    kill(suspects, 5, 1)
    expect([suspects.isCareful('event'), suspects.isCareful('alert'), suspects.isCondemned(place(5))]).toEqual([true, false, false])
    kill(suspects, 5, 2, true)
    expect(suspects.isCondemned(place(5))).toBe(false)
    kill(suspects, 5, 1, true)
    expect([suspects.isCondemned(place(5)), suspects.isCondemned(place(6))]).toEqual([true, false])
    suspects.answered('event')
    expect([suspects.isCondemned(place(5)), suspects.isCareful('event')]).toEqual([false, true])
  })
  it('never comes of connections that end elsewhere, or on another record each time', () => {
    const suspects = new Suspects()
    for (let seq = 1; seq < 50; seq++) kill(suspects, seq, 2)
    for (let n = 0; n < 10; n++) { kill(suspects, 99, 2); suspects.clear() }
    for (let n = 0; n < 10; n++) suspects.died(null, false)
    expect(suspects.anyCareful).toBe(false)
  })
  it('is trusted again after twenty answers', () => {
    const suspects = new Suspects()
    kill(suspects, 1, 3)
    for (let n = 0; n < 19; n++) suspects.answered('event')
    expect(suspects.isCareful('event')).toBe(true)
    suspects.answered('event')
    expect(suspects.isCareful('event')).toBe(false)
  })
})
