import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../gateway/kit/index.ts'
import { tempFolder } from '../support/resources.ts'
import { nothingWrong, numbered, openStore, StoreCity, type Produced } from '../support/store-city.ts'

/** A file system of 64 MB; null where this user may not mount. */
async function smallDisk(): Promise<string | null> {
  const folder = await tempFolder()
  try { execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'ignore' }) } catch { return null }
  onTestFinished(() => { execFileSync('umount', ['-l', folder]) })
  return folder
}

const mayMount = process.getuid?.() === 0 && (() => { try { execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }); return true } catch { return false } })()
if (!mayMount) process.stderr.write('skipped, because this user may not mount a file system\n')

it.skipIf(!mayMount)('a full disk: nothing new is acknowledged, the city still takes what is there, also over a restart, and with room again nothing is missing', { timeout: 90_000 }, async () => {
  const disk = (await smallDisk())!
  const folder = path.join(disk, 'journal')
  const produced: Produced[] = []
  const city = new StoreCity()
  const states: boolean[] = []
  const failing = (now: boolean): void => { states.push(now) }
  let n = 0
  const filler = path.join(disk, 'filler')
  const waiting: Promise<unknown>[] = []
  const offered = new Set<number>()
  {
    const journal = await openStore(folder, { failing })
    const reader = await journal.reader('city', { from: 'start' })
    const offer = async (): Promise<void> => {
      const own = ++n
      offered.add(own)
      await journal.commit({ events: [numbered(own, randomBytes(15_000).toString('base64'))], urgent: true })
      const { epoch, seq } = journal.heads().event
      produced.push({ n: own, epoch, seq })
    }
    for (let i = 0; i < 60; i++) await offer()
    await writeFile(filler, Buffer.alloc(44 << 20))
    // Offers until one does not come back.
    for (let full = false; !full;) {
      const commit = offer()
      waiting.push(commit.catch(() => {}))
      full = await Promise.race([commit.then(() => false), systemClock.sleep(1_500).then(() => true)])
    }
    expect(states.at(-1)).toBe(true)
    const before = city.received.size
    await city.drain(reader, 20)
    expect(city.received.size).toBeGreaterThan(before + 10)
    await journal[Symbol.asyncDispose]()
    await Promise.all(waiting)
  }
  // A start on the full disk: it opens, and hands on.
  states.length = 0
  const journal = await openStore(folder, { failing })
  onTestFinished(async () => { await journal[Symbol.asyncDispose]() })
  const reader = await journal.reader('city')
  const seen = city.received.size
  await city.drain(reader, 20)
  expect(city.received.size).toBeGreaterThan(seen)
  let stored = false
  const late = journal.commit({ events: [numbered(++n)], urgent: true }).then(() => { stored = true })
  await rm(filler)
  await late
  expect(stored).toBe(true)
  produced.push({ n, epoch: journal.heads().event.epoch, seq: journal.heads().event.seq })
  await expect.poll(() => states.at(-1) ?? false, { timeout: 10_000 }).toBe(false)
  await city.drain(reader)
  expect(city.findings(produced)).toEqual(nothingWrong)
  expect(city.order).toEqual(city.order.toSorted((a, b) => a - b))
})
