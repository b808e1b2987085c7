import { cp, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { silentLog } from '../../gateway/kit/index.ts'
import { fillStore, packEntries, unpackEntries } from '../../gateway/store/copy.ts'
import { tempFolder } from '../support/resources.ts'
import { nothingWrong, openStore, produce, StoreCity, type Produced } from '../support/store-city.ts'

/** A box with 50 events of which the city has 20; a backup of it; ten more that the backup does not know, delivered by the old box. */
async function oldBox() {
  const folder = await tempFolder()
  const city = new StoreCity({ complete: true })
  const produced: Produced[] = []
  const journal = await openStore(folder)
  const reader = await journal.reader('city', { from: 'start' })
  const some = async (from: number, to: number): Promise<void> => { for (let n = from; n <= to; n++) produced.push(await produce(journal, n, 'x'.repeat(n))) }
  await some(1, 20)
  await city.drain(reader)
  await some(21, 50)
  const chunks: Buffer[] = []
  for await (const chunk of packEntries(journal.entries())) chunks.push(chunk)
  await some(51, 60)
  return { folder, city, produced, chunks, journal, reader }
}

async function* bytes(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> { yield* chunks }

async function newBox(old: string, chunks: readonly Uint8Array[], records: boolean) {
  const folder = await tempFolder()
  await mkdir(folder, { recursive: true })
  for (const name of ['epoch', 'ends']) await cp(path.join(old, name), path.join(folder, name)).catch(() => {})
  const kept = await fillStore(folder, unpackEntries(bytes(chunks)), { records, log: silentLog() })
  const journal = await openStore(folder)
  return { journal, kept, reader: await journal.reader('city', { from: 'start' }) }
}

it('a backup of a box that goes on, restored onto another: the city has each event, knows the repeats by their ids, and sees no hole', async () => {
  const { folder, city, produced, chunks, journal: before, reader: beforeReader } = await oldBox()
  await city.drain(beforeReader)
  const oldEpoch = before.epoch
  await before[Symbol.asyncDispose]()
  const { journal, reader, kept } = await newBox(folder, chunks, true)
  expect(kept).toBeGreaterThanOrEqual(30)
  expect(journal.epoch > oldEpoch).toBe(true)
  for (let n = 61; n <= 70; n++) produced.push(await produce(journal, n))
  await city.drain(reader)
  await journal[Symbol.asyncDispose]()
  expect([...city.received].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 70 }, (_, index) => index + 1))
  expect(city.findings(produced)).toEqual(nothingWrong)
})

it('a backup without the outbox: what waited and did not come along is declared as a gap', async () => {
  const { folder, city, produced, chunks, journal: before } = await oldBox()
  await before[Symbol.asyncDispose]()
  const { journal, reader, kept } = await newBox(folder, chunks, false)
  expect(kept).toBe(0)
  for (let n = 61; n <= 70; n++) produced.push(await produce(journal, n))
  await city.drain(reader)
  await journal[Symbol.asyncDispose]()
  // What the old box wrote after the backup, the backup cannot know; the old box has it.
  expect(city.unaccounted(produced.filter(({ n }) => n <= 50 || n > 60))).toEqual([])
  expect(city.has({ n: 30 })).toBe(false)
})

it('a copy that is cut off, or that is none, is no store', async () => {
  const { chunks, journal } = await oldBox()
  await journal[Symbol.asyncDispose]()
  const whole = Buffer.concat(chunks)
  const read = async (copy: Uint8Array): Promise<number> => { let count = 0; for await (const [key] of unpackEntries(bytes([copy]))) count += Number(key.startsWith('r/')); return count }
  expect(await read(whole)).toBeGreaterThanOrEqual(30)
  for (const cut of [0, 1, 7, 8, 100, whole.length - 8, whole.length - 1]) await expect(read(whole.subarray(0, cut))).rejects.toMatchObject({ code: 'COPY_TORN' })
  await expect(read(Buffer.concat([whole, Buffer.from('more')]))).rejects.toMatchObject({ code: 'COPY_TORN' })
  await expect(read(Buffer.alloc(64, 0xff))).rejects.toMatchObject({ code: 'COPY_TORN' })
})
