import { cp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { tempFolder } from '../support/resources.ts'
import { nothingWrong, openStore, produce, StoreCity, type Produced } from '../support/store-city.ts'

it('a store out of a backup never gives an old number to a new event, and says that its past may have been longer', async () => {
  const home = await tempFolder()
  const [folder, backup] = [path.join(home, 'journal'), path.join(home, 'backup')]
  const city = new StoreCity()
  const produced: Produced[] = []
  const life = async (count: number, take: boolean): Promise<string> => {
    await using journal = await openStore(folder)
    const reader = await journal.reader('city', { from: 'start' })
    for (let i = 0; i < count; i++) produced.push(await produce(journal, produced.length + 1))
    if (take) await city.drain(reader)
    return journal.epoch
  }
  await life(10, true)
  await life(10, false)
  await cp(folder, backup, { recursive: true })
  // The gateway goes on after the backup and all of it is delivered.
  const after = await life(10, true)
  await rm(folder, { recursive: true })
  await rename(backup, folder)
  const restored = await life(10, true)
  expect(Number(restored.slice(0, 8))).toBeGreaterThan(Number(after.slice(0, 8)) + 900)
  await life(5, true)
  expect(city.findings(produced)).toEqual(nothingWrong)
  expect(city.received.size).toBe(45)
})

it('a folder that only moved is no backup', async () => {
  const home = await tempFolder()
  const [folder, moved] = [path.join(home, 'journal'), path.join(home, 'moved')]
  { await using journal = await openStore(folder); await produce(journal, 1) }
  await rename(folder, moved)
  await using journal = await openStore(moved)
  expect(journal.epoch.slice(0, 8)).toBe('00000002')
})
