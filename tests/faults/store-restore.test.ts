import { cp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { FakeClock } from '../../gateway/kit/index.ts'
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

it('a store copied back over the one that went on is known as a backup', async () => {
  const home = await tempFolder()
  const [folder, backup] = [path.join(home, 'journal'), path.join(home, 'backup')]
  const city = new StoreCity()
  const produced: Produced[] = []
  const life = async (): Promise<number> => {
    await using journal = await openStore(folder)
    const reader = await journal.reader('city', { from: 'start' })
    for (let i = 0; i < 5; i++) produced.push(await produce(journal, produced.length + 1))
    await city.drain(reader)
    return Number(journal.epoch.slice(0, 8))
  }
  await life()
  // After two starts the epoch's file may well have the inode that its copy names: that is used again.
  for (const lives of [1, 2, 3, 4]) {
    await rm(backup, { recursive: true, force: true })
    await cp(folder, backup, { recursive: true })
    let last = 0
    for (let i = 0; i < lives; i++) last = await life()
    await rm(path.join(folder, 'log'), { recursive: true })
    await cp(backup, folder, { recursive: true })
    expect(await life(), `after ${lives} lives`).toBeGreaterThan(last + 900)
    expect(city.findings(produced)).toEqual(nothingWrong)
  }
})

it('a file that has the inode its text names, but was made at another moment, is a backup\'s', async () => {
  const folder = path.join(await tempFolder(), 'journal')
  { await using journal = await openStore(folder); await produce(journal, 1) }
  const file = path.join(folder, 'epoch')
  const { ino, birthtimeNs } = await stat(file, { bigint: true })
  const text = await readFile(file, 'utf8')
  expect(text).toContain(`\n${ino}-${birthtimeNs}\n`)
  await writeFile(file, text.replace(String(birthtimeNs), String(birthtimeNs - 1n)))
  await using journal = await openStore(folder, { clock: new FakeClock(0) })
  expect(journal.epoch.slice(0, 8)).toBe('00001001')
})

it('the same backup restored twice: the later life is the later epoch, and each record is told from the other\'s', async () => {
  const home = await tempFolder()
  const [folder, backup] = [path.join(home, 'journal'), path.join(home, 'backup')]
  const city = new StoreCity()
  const produced: Produced[] = []
  const clock = new FakeClock()
  const life = async (): Promise<string> => {
    await using journal = await openStore(folder, { clock })
    const reader = await journal.reader('city', { from: 'start' })
    for (let i = 0; i < 5; i++) produced.push(await produce(journal, produced.length + 1))
    await city.drain(reader)
    return journal.epoch
  }
  await life()
  await cp(folder, backup, { recursive: true })
  const epochs: string[] = []
  for (let restored = 0; restored < 5; restored++) {
    await clock.advance(24 * 3_600_000)
    await rm(folder, { recursive: true })
    await cp(backup, folder, { recursive: true })
    for (let started = 0; started < 3; started++) epochs.push(await life())
  }
  expect(epochs).toEqual(epochs.toSorted())
  expect(new Set(epochs.map((epoch) => epoch.slice(0, 8))).size).toBe(15)
  expect(city.findings(produced)).toEqual(nothingWrong)
})

it('a clock that nobody can believe does not use up the epochs', async () => {
  for (const now of [0, Date.UTC(2150, 0, 1), 8.64e15]) {
    const home = await tempFolder()
    { await using journal = await openStore(path.join(home, 'journal')); await produce(journal, 1) }
    await cp(path.join(home, 'journal'), path.join(home, 'restored'), { recursive: true })
    await using journal = await openStore(path.join(home, 'restored'), { clock: new FakeClock(now) })
    expect(journal.epoch.slice(0, 8)).toBe('00001001')
  }
})
