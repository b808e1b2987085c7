import { readFile, readdir, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { streams, type Position, type Stored } from '../../../gateway/contract/index.ts'
import { FakeClock } from '../../../gateway/kit/index.ts'
import { contentOf, drain, event, journalIn, textOf } from '../../support/journals.ts'
import { reading } from '../../support/points.ts'
import { tempFolder } from '../../support/resources.ts'
import { scale } from '../../support/seed.ts'

const sha = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('the journal', () => {
  it('gives back what was committed, numbered from 1 and chained by hash', async () => {
    const journal = await journalIn(await tempFolder())
    const reader = await journal.reader('city', { from: 'start' })
    await Promise.all([1, 2, 3].map((n) => journal.commit({ events: [event(n)] })))
    const records = await reader.take('event', 10)
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(records.map((record) => contentOf(record).data.n)).toEqual([1, 2, 3])
    expect(contentOf(records[0]!).prevHash).toBe('')
    expect(contentOf(records[2]!).prevHash).toBe(sha(textOf(records[1]!)))
    expect(journal.heads().event).toMatchObject({ seq: 3, hash: sha(textOf(records[2]!)) })
  })
  it('packs the readings of many callers into one record and one commit', async () => {
    const journal = await journalIn(await tempFolder())
    const reader = await journal.reader('city', { from: 'start' })
    const before = journal.statistics().commits
    await Promise.all(Array.from({ length: 80 }, (_, n) => journal.commit({ readings: [reading('hall.t', n)], urgent: true })))
    expect(journal.statistics().commits - before).toBe(1)
    const [record, ...more] = await reader.take('telemetry', 10)
    expect(more).toEqual([])
    expect(record!.encoding).toBe('zstd')
    expect(contentOf(record!).readings.map(([, value]: [string, number]) => value)).toEqual(Array.from({ length: 80 }, (_, n) => n))
  })
  it('waits for the commit timer in a busy time, and commits at once when something is urgent', async () => {
    const clock = new FakeClock()
    const journal = await journalIn(await tempFolder(), { clock, commitMs: 50 })
    await journal.commit({ events: [event(1)] })
    let done = false
    const waiting = journal.commit({ events: [event(2)] }).then(() => { done = true })
    await clock.advance(40)
    expect(done).toBe(false)
    await clock.advance(20)
    await waiting
    const slow = journal.commit({ events: [event(3)] })
    await journal.commit({ events: [event(4)], urgent: true })
    await slow
    expect(journal.heads().event.seq).toBe(4)
  })
  it('commits at once for a peer that waits while commits are to spare, then with the timer, sooner when enough waits', async () => {
    const clock = new FakeClock()
    const journal = await journalIn(await tempFolder(), { clock, commitMs: 50 })
    const commits = (): number => journal.statistics().commits
    const awaited = (n: number): Promise<void> => journal.commit({ readings: [reading('hall.t', n)], awaited: true })
    let n = 0
    // No time passes: the spare ones are used up, and then one has to wait.
    for (let spare = 0; spare < 100; spare++) await awaited(++n)
    let done = false
    const waiting = awaited(++n).then(() => { done = true })
    await clock.advance(40)
    expect(done).toBe(false)
    await clock.advance(10)
    await waiting
    // A second at 500 a second: the timer's rate, and not much above it.
    const before = commits()
    const all: Promise<void>[] = []
    for (let ms = 0; ms < 1_000; ms += 2) { all.push(awaited(++n)); await clock.advance(2) }
    await clock.advance(50)
    await Promise.all(all)
    expect(commits() - before).toBeLessThan(70)
    // No timer: what is worth a commit goes at once.
    await Promise.all(Array.from({ length: 64 }, () => awaited(++n)))
  })

  it('refuses only the commit whose event the encoder refuses, with its readings', async () => {
    const journal = await journalIn(await tempFolder())
    const reader = await journal.reader('city', { from: 'start' })
    const results = await Promise.allSettled([
      journal.commit({ events: [event(1)] }),
      journal.commit({ events: [event(2), event(3, { data: { refuse: true } })], readings: [reading('x.y', 1)], state: [{ key: 'rule/a', value: 1 }] }),
      journal.commit({ events: [event(4)], readings: [reading('x.y', 2)] }),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await reader.take('event', 10)).map((record) => contentOf(record).data.n)).toEqual([1, 4])
    expect((await reader.take('telemetry', 10)).map((record) => contentOf(record).readings)).toEqual([[['x.y', 2]]])
    expect(await journal.state.get('rule/a')).toBeUndefined()
  })
  it('keeps state in the same batch, lists it by prefix, and deletes it by null', async () => {
    const folder = await tempFolder()
    {
      await using journal = await journalIn(folder)
      await journal.commit({ events: [event(1)], state: [{ key: 'rule/a', value: { since: 1 } }, { key: 'rule/b', value: 2 }, { key: 'rulez', value: 3 }] })
      await journal.commit({ state: [{ key: 'rule/b', value: null }] })
    }
    const again = await journalIn(folder)
    expect(await again.state.entries('rule/')).toEqual([['rule/a', { since: 1 }]])
  })
  it('begins a new epoch at every opening and closes the last one in the ledger', async () => {
    const folder = await tempFolder()
    let first: string
    {
      await using journal = await journalIn(folder)
      first = journal.epoch
      await journal.commit({ events: [event(1), event(2)] })
    }
    const again = await journalIn(folder)
    const reader = await again.reader('city', { from: 'start' })
    expect(again.epoch > first).toBe(true)
    expect(again.epoch).toMatch(/^00000002-[0-9a-f]{8}$/)
    await again.commit({ events: [event(3)] })
    expect((await reader.take('event', 9)).map(({ epoch, seq }) => [epoch, seq])).toEqual([[first, 1], [first, 2], [again.epoch, 1]])
    const [entry, ...others] = await reader.take('ledger', 9)
    expect(others).toEqual([])
    expect(contentOf(entry!)).toMatchObject({ type: 'epoch', data: { closes: first, streams: { event: { seq: 2 }, alert: { seq: 0 } } } })
  })
  it('jumps a thousand epochs when the epoch file is older than the database, as after a restore', async () => {
    const folder = await tempFolder()
    { await using journal = await journalIn(folder); await journal.commit({ events: [event(1)] }) }
    await writeFile(path.join(folder, 'journal/epoch'), '')
    expect((await journalIn(folder, { clock: new FakeClock(0) })).epoch.slice(0, 8)).toBe('00001001')
  })
  it('refuses a folder another gateway holds', async () => {
    const folder = await tempFolder()
    await journalIn(folder)
    await expect(journalIn(folder)).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  })
  it('refuses commits after it was closed', async () => {
    const journal = await journalIn(await tempFolder())
    await journal[Symbol.asyncDispose]()
    await expect(journal.commit({ events: [event(1)] })).rejects.toMatchObject({ code: 'JOURNAL_CLOSED' })
  })
  it('refuses at once when more waits than it may hold, and loses nothing of what it took', async () => {
    const journal = await journalIn(await tempFolder())
    const big = 'x'.repeat(4 << 20)
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => journal.commit({ readings: [reading('a.b', big)] })))
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
    expect(new Set(refused)).toEqual(new Set(['JOURNAL_OVERLOADED']))
    expect(refused.length).toBeGreaterThan(0)
    expect(journal.statistics().readings).toBe(12 - refused.length)
  })
})

describe('a reader', () => {
  it('moves over the settled prefix only, and several do not disturb each other', async () => {
    const journal = await journalIn(await tempFolder())
    const city = await journal.reader('city', { from: 'start' })
    const district = await journal.reader('district', { from: 'start' })
    await journal.commit({ events: [1, 2, 3, 4].map((n) => event(n)) })
    const records = await city.take('event', 10)
    const acked = (indices: number[]) => indices.map((index) => ({ record: records[index]!, outcome: 'acked' as const }))
    await city.settle('event', acked([1, 2]))
    expect(city.position('event')).toBeNull()
    await city.settle('event', acked([0]))
    expect(city.position('event')).toMatchObject({ seq: 3 })
    expect(city.backlog().event!.records).toBe(1)
    expect(district.backlog().event!.records).toBe(4)
    expect((await district.take('event', 10)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
  })
  it('goes on where it settled after a restart, with its backlog counted', async () => {
    const folder = await tempFolder()
    {
      await using journal = await journalIn(folder)
      const reader = await journal.reader('city', { from: 'start' })
      await journal.commit({ events: [1, 2, 3].map((n) => event(n)) })
      const records = await reader.take('event', 2)
      await reader.settle('event', records.map((record) => ({ record, outcome: 'acked' as const })))
    }
    const again = await journalIn(folder)
    const reader = await again.reader('city')
    expect(reader.backlog().event!).toMatchObject({ records: 1 })
    expect((await reader.take('event', 9)).map((record) => contentOf(record).data.n)).toEqual([3])
    expect(reader.backlog().event!.oldestAt).toBeGreaterThan(0)
  })
  it('keeps a refused record as a dead letter and moves on', async () => {
    const journal = await journalIn(await tempFolder())
    const reader = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: [event(1), event(2)] })
    const [first] = await reader.take('event', 1)
    await reader.settle('event', [{ record: first!, outcome: 'rejected', reason: 'not authorized' }])
    expect(journal.statistics().deadLetters).toBe(1)
    expect((await reader.take('event', 9)).map(({ seq }) => seq)).toEqual([2])
  })
  it('lets go of what every reader has settled', async () => {
    const journal = await journalIn(await tempFolder(), { maxBytes: 1_000_000 })
    const reader = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: Array.from({ length: 500 }, (_, n) => event(n)) })
    const full = journal.statistics().fill
    expect(full).toBeGreaterThan(0.05)
    await drain(reader, 'event')
    await expect.poll(() => journal.statistics().fill).toBeLessThan(0.001)
  })
  it('begins at the present end by default', async () => {
    const journal = await journalIn(await tempFolder())
    await journal.commit({ events: [event(1)] })
    const reader = await journal.reader('late')
    await journal.commit({ events: [event(2)] })
    expect((await reader.take('event', 9)).map((record) => contentOf(record).data.n)).toEqual([2])
    expect(reader.backlog().event!.records).toBe(1)
  })
})

describe('a full quota', () => {
  it('drops the oldest telemetry first and declares the hole so that the chain verifies across it', async () => {
    const journal = await journalIn(await tempFolder(), { maxBytes: 60_000, readingsPerRecord: 5 })
    const reader = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: [event(1)] })
    for (let n = 0; n < 500; n++) await journal.commit({ readings: Array.from({ length: 5 }, (_, i) => reading('hall.t', n * 5 + i)), urgent: true })
    expect(journal.statistics().fill).toBeLessThanOrEqual(1.01)
    const telemetry = await drain(reader, 'telemetry')
    const gaps = (await drain(reader, 'ledger')).map((record) => contentOf(record)).filter(({ type }) => type === 'gap').map(({ data }) => data)
    expect(gaps.length).toBeGreaterThan(0)
    const covered = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0)
    expect(covered + telemetry.length).toBe(500)
    expect(telemetry[0]!.seq).toBe(Math.max(...gaps.map(({ to }) => to)) + 1)
    expect(contentOf(telemetry[0]!).prevHash).toBe(gaps.at(-1).hashAfter)
    expect(gaps.every(({ reason }) => reason === 'quota')).toBe(true)
    expect((await drain(reader, 'event')).length).toBe(1)
  })
})

describe('a damaged log', () => {
  /** Flips one byte of each log file where the needle stands. */
  async function flip(folder: string, needle: string): Promise<void> {
    const log = path.join(folder, 'journal/log')
    let flipped = 0
    for (const name of (await readdir(log)).filter((file) => /\.(log|ldb)$/.test(file))) {
      const bytes = await readFile(path.join(log, name))
      const at = bytes.indexOf(needle)
      if (at < 0) continue
      bytes[at] = bytes[at]! ^ 0xff
      await writeFile(path.join(log, name), bytes)
      flipped++
    }
    expect(flipped).toBe(1)
  }
  it('becomes a declared gap, and what stands after it is still delivered', async () => {
    const folder = await tempFolder()
    let epoch: string
    {
      await using journal = await journalIn(folder)
      epoch = journal.epoch
      await journal.reader('city', { from: 'start' })
      for (let n = 1; n <= 20; n++) await journal.commit({ events: [event(n, { data: { mark: `needle-${n}.` } })], urgent: true })
    }
    await flip(folder, 'needle-8.')
    const journal = await journalIn(folder)
    const reader = await journal.reader('city')
    const events = await drain(reader, 'event')
    const gaps = (await drain(reader, 'ledger')).map((record) => contentOf(record)).filter(({ type }) => type === 'gap').map(({ data }) => data)
    const received = new Set(events.map(({ seq }) => seq))
    const declared = gaps.flatMap((gap) => { expect(gap).toMatchObject({ stream: 'event', epoch }); return Array.from({ length: gap.to - gap.from + 1 }, (_, i) => gap.from + i) })
    expect(declared).toContain(8)
    expect([...received, ...declared].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
  })
  it('that lost its end is told by the mark', async () => {
    const folder = await tempFolder()
    let epoch: string
    {
      await using journal = await journalIn(folder)
      epoch = journal.epoch
      await journal.reader('city', { from: 'start' })
      for (let n = 1; n <= 10; n++) await journal.commit({ events: [event(n, { data: { mark: `needle-${n}.` } })], urgent: true })
    }
    // LevelDB drops the rest of a block after a damaged record, without a word.
    await flip(folder, 'needle-9.')
    const journal = await journalIn(folder)
    const reader = await journal.reader('city')
    const events = await drain(reader, 'event')
    const gaps = (await drain(reader, 'ledger')).map((record) => contentOf(record)).filter(({ type }) => type === 'gap').map(({ data }) => data)
    const last = events.at(-1)!.seq
    expect(last).toBeLessThan(9)
    expect(gaps).toMatchObject([{ stream: 'event', epoch, from: last + 1, to: 10 }])
  })
})

describe('law: an outbox under random acks, rejects and restarts', () => {
  it('delivers everything at least once and in order, whatever the consumer does', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(
      fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('take' as const), limit: fc.integer({ min: 1, max: 6 }), settle: fc.array(fc.boolean(), { maxLength: 6 }), reject: fc.boolean() }),
      fc.record({ kind: fc.constant('restart' as const) }),
    ), { maxLength: 25 }), async (steps) => {
      const folder = await tempFolder()
      let journal = await journalIn(folder)
      let reader = await journal.reader('city', { from: 'start' })
      let produced = 0
      const settled = new Map<number, Position>()
      const order: number[] = []
      const note = (record: Stored): number => contentOf(record).data.n
      for (const step of steps) {
        if (step.kind === 'commit') for (let i = 0; i < step.count; i++) await journal.commit({ events: [event(++produced)], urgent: true })
        else if (step.kind === 'restart') {
          await journal[Symbol.asyncDispose]()
          journal = await journalIn(folder)
          reader = await journal.reader('city', { from: 'start' })
        } else {
          const records = await reader.take('event', step.limit)
          const numbers = records.map(note)
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
          order.push(...numbers)
          const chosen = records.filter((_, index) => step.settle[index])
          for (const record of chosen) settled.set(note(record), record)
          await reader.settle('event', chosen.map((record) => ({ record, ...(step.reject ? { outcome: 'rejected' as const, reason: 'no' } : { outcome: 'acked' as const }) })))
        }
      }
      for (const record of await drain(reader, 'event')) order.push(note(record))
      expect([...new Set(order)].toSorted((a, b) => a - b)).toEqual(Array.from({ length: produced }, (_, n) => n + 1))
      expect(streams.every((stream) => reader.backlog()[stream]!.records === 0 || stream === 'ledger')).toBe(true)
      expect((await drain(reader, 'ledger')).every((record) => contentOf(record).type === 'epoch' || contentOf(record).data.reason === 'refused')).toBe(true)
      await journal[Symbol.asyncDispose]()
    }), { numRuns: 25 * scale })
  })
})

describe('a broken index', () => {
  for (const name of ['CURRENT', 'MANIFEST']) {
    it(`(an emptied ${name}) is repaired, and nothing is lost`, async () => {
      const folder = await tempFolder()
      {
        await using journal = await journalIn(folder)
        await journal.reader('city', { from: 'start' })
        for (let n = 1; n <= 50; n++) await journal.commit({ events: [event(n)], urgent: true })
      }
      const log = path.join(folder, 'journal/log')
      const file = (await readdir(log)).find((entry) => entry.startsWith(name))!
      await writeFile(path.join(log, file), '')
      const journal = await journalIn(folder)
      expect((await drain(await journal.reader('city'), 'event')).map((record) => contentOf(record).data.n)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
    })
  }
})
