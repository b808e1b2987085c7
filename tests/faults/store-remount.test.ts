import { execFileSync } from 'node:child_process'
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { tempFolder } from '../support/resources.ts'
import { nothingWrong, numbered, openStore, produce, StoreCity, type Produced } from '../support/store-city.ts'
import { findTool } from '../support/tools.ts'

const run = (command: string, ...args: readonly string[]): void => { execFileSync(command, args, { stdio: 'ignore' }) }
async function mounted(image: string, place: string): Promise<void> {
  run('mount', '-o', 'loop', image, place)
  onTestFinished(() => { try { run('umount', '-l', place) } catch { /* unmounted by the test */ } })
}

/** An image with a file system of its own, mounted; null where this user or container may not. */
async function ext4(): Promise<{ readonly image: string; readonly place: string } | null> {
  const [home, place] = [await tempFolder(), await tempFolder()]
  const image = path.join(home, 'disk')
  await writeFile(image, '')
  await truncate(image, 64 << 20)
  try { run('mkfs.ext4', '-q', '-F', image); await mounted(image, place) } catch { return null }
  return { image, place }
}
const possible = process.getuid?.() === 0 && findTool('mkfs.ext4') !== null && findTool('fsck.ext4') !== null
if (!possible) process.stderr.write('skipped, because this user may not mount a file system, or e2fsprogs is not installed\n')

it.skipIf(!possible)('a disk that goes read-only under the journal: nothing is acknowledged, and when it is back all that waited goes through, in order', { timeout: 60_000 }, async (test) => {
  const disk = await ext4()
  if (!disk) { process.stderr.write('skipped, because no loop device may be mounted here\n'); return test.skip() }
  const folder = path.join(disk.place, 'journal')
  const states: boolean[] = []
  const journal = await openStore(folder, { failing: (now) => { states.push(now) } })
  onTestFinished(async () => { await journal[Symbol.asyncDispose]() })
  const reader = await journal.reader('city', { from: 'start' })
  const city = new StoreCity()
  const produced: Produced[] = []
  for (let n = 1; n <= 20; n++) produced.push(await produce(journal, n))
  // As the kernel does after an I/O error (errors=remount-ro).
  run('mount', '-o', 'remount,abort', disk.place)
  const waiting: Promise<void>[] = []
  let acknowledged = 0
  for (let n = 21; n <= 40; n++) waiting.push(journal.commit({ events: [numbered(n)], urgent: true }).then(() => { acknowledged++ }))
  await expect.poll(() => states.at(-1), { timeout: 10_000 }).toBe(true)
  expect(acknowledged).toBe(0)
  // Repaired and mounted again in the same place, as a person or a restart of the machine would; the journal's process goes on.
  run('umount', '-l', disk.place)
  const repaired = `${disk.image}-repaired`
  await copyFile(disk.image, repaired)
  try { run('fsck.ext4', '-y', repaired) } catch { /* 1: errors corrected */ }
  await mounted(repaired, disk.place)
  await Promise.all(waiting)
  await expect.poll(() => states.at(-1), { timeout: 10_000 }).toBe(false)
  for (let seq = 21; seq <= 40; seq++) produced.push({ n: seq, epoch: journal.epoch, seq })
  produced.push(await produce(journal, 41))
  await city.drain(reader)
  expect(city.findings(produced)).toEqual(nothingWrong)
  expect(city.order).toEqual(Array.from({ length: 41 }, (_, index) => index + 1))
  // The proof of a lost tail is written again, too.
  await expect.poll(() => readFile(path.join(folder, 'mark'), 'utf8').catch(() => ''), { timeout: 5_000 }).toContain('"event":41')
})
