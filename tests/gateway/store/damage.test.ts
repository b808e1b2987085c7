import { readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { contentOf, drain, event, journalIn } from '../../support/journals.ts'
import { tempFolder } from '../../support/resources.ts'

describe('dead letters', () => {
  it('are listed with their reason, sent again as new records that name the old, or thrown away', async () => {
    const journal = await journalIn(await tempFolder())
    const reader = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: [event(1), event(2), event(3)] })
    const records = await reader.take('event', 9)
    await reader.settle('event', records.map((record) => ({ record, outcome: 'rejected' as const, reason: 'MQTT reason 0x87' })))
    const letters = await journal.deadLetters.list(10)
    expect(letters.map(({ reader: who, stream, seq, reason }) => [who, stream, seq, reason])).toEqual([1, 2, 3].map((seq) => ['city', 'event', seq, 'MQTT reason 0x87']))
    expect(JSON.parse(Buffer.from(letters[1]!.bytes).toString()).data).toEqual({ n: 2 })
    expect((await journal.deadLetters.list(10, letters[1]!.id)).map(({ seq }) => seq)).toEqual([3])
    expect(await journal.deadLetters.resend([letters[1]!.id, 'city/event/none/000'])).toBe(1)
    expect(await journal.deadLetters.discard([letters[0]!.id])).toBe(1)
    const [again] = await reader.take('event', 9)
    expect(again).toMatchObject({ seq: 4 })
    expect(contentOf(again!)).toMatchObject({ data: { n: 2 }, resends: `event/${journal.epoch}/2` })
    expect((await journal.deadLetters.list(10)).map(({ seq }) => seq)).toEqual([3])
  })
})

describe('a store beyond repair', () => {
  it('is replaced, and everything it may have held is declared, epoch by epoch', async () => {
    const folder = await tempFolder()
    const epochs: string[] = []
    for (const count of [3, 2, 4]) {
      await using journal = await journalIn(folder)
      await journal.reader('city', { from: 'start' })
      epochs.push(journal.epoch)
      for (let n = 0; n < count; n++) await journal.commit({ events: [event(n)], urgent: true })
    }
    const log = path.join(folder, 'journal/log')
    for (const name of await readdir(log)) if (name !== 'LOCK') await rm(path.join(log, name), { force: true })
    await writeFile(path.join(log, 'CURRENT'), 'MANIFEST-000002\n')
    const journal = await journalIn(folder)
    const reader = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: [event(9)] })
    expect(journal.epoch > epochs.at(-1)!).toBe(true)
    const gaps = (await drain(reader, 'ledger')).map((record) => contentOf(record)).filter(({ type }) => type === 'gap').map(({ data }) => data).filter(({ stream }) => stream === 'event')
    expect(gaps.map(({ epoch, from, to }) => [epoch, from, to]).toSorted()).toEqual([[epochs[0], 1, 3], [epochs[1], 1, 2], [epochs[2], 1, 4]].toSorted())
    expect((await drain(reader, 'event')).length).toBe(1)
  })
})

describe('a damaged record', () => {
  it('is put aside once and leaves a declared hole', async () => {
    const folder = await tempFolder()
    const journal = await journalIn(folder)
    const reader = await journal.reader('city', { from: 'start' })
    await journal.commit({ events: [1, 2, 3].map((n) => event(n)) })
    // As a disk would hand it out: the right length and the wrong bytes.
    const { Level } = await import('level')
    const { epoch } = journal
    await journal[Symbol.asyncDispose]()
    const level = new Level<string, Buffer>(path.join(folder, 'journal/log'), { valueEncoding: 'buffer' })
    const key = (await level.keys({ gte: 'r/e/', lt: 'r/e0' }).all())[1]!
    const value = (await level.get(key))!
    value[value.length - 2]! ^= 0xff
    await level.put(key, value)
    await level.close()
    const again = await journalIn(folder)
    const mine = await again.reader('city')
    expect(reader.name).toBe('city')
    expect((await drain(mine, 'event')).map(({ seq }) => seq)).toEqual([1, 3])
    expect(again.statistics().quarantined).toBe(1)
    const gaps = (await drain(mine, 'ledger')).map((record) => contentOf(record)).filter(({ type }) => type === 'gap').map(({ data }) => data)
    expect(gaps).toMatchObject([{ stream: 'event', epoch, from: 2, to: 2, reason: 'log-damage' }])
  })
})
