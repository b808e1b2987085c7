import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Journal, JournalReader, Verdict } from '../../gateway/contract/index.ts'
import { tempFolder } from '../support/resources.ts'
import { nothingWrong, openStore, produce, StoreCity, type Produced } from '../support/store-city.ts'

const shares = { ledger: 20_000, event: 60_000 }

/** Gaps of another uplink, until the ledger has let go of what it held before. */
async function fillLedger(journal: Journal, produced: Produced[]): Promise<void> {
  const other = await journal.reader('property', { from: 'end', streams: ['event', 'ledger'] })
  for (let n = 0; n < 120; n++) {
    produced.push(await produce(journal, produced.length + 1))
    await refuse(other, (index) => index % 2 === 0)
    produced.push(await produce(journal, produced.length + 1))
    await refuse(other, () => false)
  }
}

/** Takes all events; answers those that were not refused. */
async function refuse(reader: JournalReader, refused: (index: number) => boolean): Promise<readonly Uint8Array[]> {
  const records = await reader.take('event', 1_000)
  await reader.settle('event', records.map((record, index): Verdict => (refused(index) ? { record, outcome: 'rejected', reason: 'test' } : { record, outcome: 'acked' })))
  return records.flatMap(({ bytes }, index) => (refused(index) ? [] : [bytes]))
}

async function catchUp(journal: Journal, city: StoreCity, produced: readonly Produced[]): Promise<void> {
  await city.drain(await journal.reader('city'))
  expect(city.gaps.some(({ stream }) => stream === 'ledger')).toBe(true)
  expect(city.findings(produced)).toEqual(nothingWrong)
}

describe('a gap whose ledger entry gave way before its reader had it is told again', () => {
  for (const restart of [false, true]) {
    it(`of refused records${restart ? ', the gateway started anew in between' : ''}`, async () => {
      const folder = path.join(await tempFolder(), 'journal')
      const city = new StoreCity({ complete: true })
      const produced: Produced[] = []
      let journal = await openStore(folder, { shares })
      const reader = await journal.reader('city', { from: 'start' })
      for (let n = 0; n < 20; n++) produced.push(await produce(journal, n + 1))
      for (const bytes of await refuse(reader, (index) => index === 3 || (index >= 7 && index < 10) || index === 19)) city.accept('event', bytes)
      if (restart) { await journal[Symbol.asyncDispose](); journal = await openStore(folder, { shares }); await journal.reader('city') }
      await fillLedger(journal, produced)
      await catchUp(journal, city, produced)
      await journal[Symbol.asyncDispose]()
    })
  }

  it('of records that were dropped for room, when the reader has moved past them', async () => {
    const folder = path.join(await tempFolder(), 'journal')
    const city = new StoreCity({ complete: true })
    const produced: Produced[] = []
    await using journal = await openStore(folder, { shares })
    const reader = await journal.reader('city', { from: 'start' })
    for (let n = 0; n < 100; n++) produced.push(await produce(journal, n + 1, randomBytes(700).toString('base64')))
    for (const bytes of await refuse(reader, () => false)) city.accept('event', bytes)
    expect(city.received.size).toBeLessThan(100)
    await fillLedger(journal, produced)
    await catchUp(journal, city, produced)
  })

  it('is not told again once the reader has it', async () => {
    const folder = path.join(await tempFolder(), 'journal')
    const city = new StoreCity({ complete: true })
    const produced: Produced[] = []
    await using journal = await openStore(folder, { shares })
    const reader = await journal.reader('city', { from: 'start' })
    for (let n = 0; n < 20; n++) produced.push(await produce(journal, n + 1))
    for (const bytes of await refuse(reader, (index) => index === 3)) city.accept('event', bytes)
    await city.drain(reader)
    await fillLedger(journal, produced)
    await catchUp(journal, city, produced)
    expect(city.gaps.filter(({ reason, uplinks }) => reason === 'refused' && uplinks?.includes('city'))).toHaveLength(1)
  })
})
