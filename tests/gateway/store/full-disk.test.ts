import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { contentOf, drain, event, journalIn } from '../../support/journals.ts'
import { tempFolder } from '../../support/resources.ts'

/** A small file system of its own; null where this user or container may not mount. */
async function smallDisk(): Promise<string | null> {
  const folder = await tempFolder()
  try { execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', folder], { stdio: 'ignore' }) } catch { return null }
  onTestFinished(() => { execFileSync('umount', ['-l', folder]) })
  return folder
}

const disk = process.getuid?.() === 0 ? await smallDiskWorks() : false
async function smallDiskWorks(): Promise<boolean> {
  try { execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }); return true } catch { return false }
}

it.skipIf(!disk)('a full disk withholds commits and loses none; when there is room again they go through, in order', { timeout: 60_000 }, async () => {
  const folder = (await smallDisk())!
  const journal = await journalIn(folder)
  const reader = await journal.reader('city', { from: 'start' })
  const filler = path.join(folder, 'filler')
  await writeFile(filler, Buffer.alloc(26 << 20))
  let stored = 0
  let produced = 0
  const waiting: Promise<void>[] = []
  // Commits until one does not come back: the disk is full.
  for (let full = false; !full && produced < 800;) {
    const n = ++produced
    const commit = journal.commit({ events: [event(n, { data: { n, text: randomBytes(45_000).toString('base64') } })], urgent: true }).then(() => { stored++ })
    waiting.push(commit)
    full = await Promise.race([commit.then(() => false), new Promise<boolean>((resolve) => { setTimeout(() => resolve(true), 1_500) })])
  }
  expect(stored).toBeLessThan(produced)
  await rm(filler)
  await Promise.all(waiting)
  expect(stored).toBe(produced)
  const numbers = (await drain(reader, 'event')).map((record) => contentOf(record).data.n)
  expect(numbers).toEqual(Array.from({ length: produced }, (_, index) => index + 1))
})
