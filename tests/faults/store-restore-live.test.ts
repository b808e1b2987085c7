import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { Journal, JournalReader } from '../../gateway/contract/index.ts'
import { reading } from '../support/points.ts'
import { tempFolder } from '../support/resources.ts'
import { scale, seededRandom } from '../support/seed.ts'
import { nothingWrong, numbered, openStore, StoreCity, type Produced } from '../support/store-city.ts'

const batches = 150
const readings = 100
const chance = seededRandom()

/** As an installer would. Files vanish under it, and its complaint about them is not looked at. */
const copy = (from: string, to: string): Promise<void> => new Promise((resolve) => { execFile('cp', ['-r', from, to], () => resolve()) })

/** Commits and delivers without a pause, thousands of readings and an event with each batch; `moment` is called at some batch. */
async function live(journal: Journal, reader: JournalReader, city: StoreCity, produced: Produced[], moment: () => void): Promise<void> {
  const at = Math.floor(chance() * batches)
  let delivering = Promise.resolve()
  for (let batch = 0; batch < batches; batch++) {
    if (batch === at) moment()
    const first = produced.length + 1
    const numbers = Array.from({ length: readings }, (_, n) => first + n)
    const last = first + readings
    await journal.commit({ readings: numbers.map((n) => reading('hall.t', n)), events: [numbered(last, randomBytes(30_000).toString('base64'))], urgent: true })
    const { telemetry, event } = journal.heads()
    for (const n of numbers) produced.push({ n, stream: 'telemetry', epoch: journal.epoch, seq: telemetry!.seq })
    produced.push({ n: last, stream: 'event', epoch: journal.epoch, seq: event!.seq })
    // Half of it stays behind for a while: a copy holds what was not delivered, and the delivery deletes under it.
    if (batch % 4 === 0) delivering = delivering.then(() => city.drain(reader, 2))
  }
  await delivering
}

it('a copy of the folder taken while thousands of readings flow is a backup: restored later on, nothing is lost in silence and no number given twice', { timeout: 60_000 * scale }, async () => {
  const home = await tempFolder()
  const [folder, backup] = [path.join(home, 'journal'), path.join(home, 'backup')]
  // The city has all before the disk is lost: what the copy does not know of, nobody could declare. The district was away and has only what was copied.
  const [city, district] = [new StoreCity(), new StoreCity({ reader: 'district' })]
  const produced: Produced[] = []
  const copied: Produced[] = []
  const epochs: string[] = []
  const life = async (work: (journal: Journal, reader: JournalReader) => Promise<void>): Promise<void> => {
    await using journal = await openStore(folder)
    epochs.push(journal.epoch)
    const reader = await journal.reader('city', { from: 'start' })
    await district.drain(await journal.reader('district', { from: 'start' }))
    await work(journal, reader)
    await city.drain(reader)
  }
  for (let round = 0; round < 4 * scale; round++) {
    await life(async (journal, reader) => {
      let copying = Promise.resolve()
      const first = produced.length
      await live(journal, reader, city, produced, () => { copied.push(...produced.slice(first)); copying = copy(folder, backup) })
      await copying
    })
    await rm(folder, { recursive: true })
    await rename(backup, folder)
  }
  await life(async () => {})
  expect(epochs).toEqual(epochs.toSorted())
  expect(city.findings(produced)).toEqual(nothingWrong)
  expect(produced.filter((item) => city.has(item))).toHaveLength(produced.length)
  expect(district.findings(copied)).toEqual(nothingWrong)
  expect(copied.filter((item) => district.has(item)).length).toBeGreaterThan(copied.length / 2)
})
