import { execFileSync } from 'node:child_process'
import { mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openMinutes } from '../../../gateway/history/index.ts'
import { FakeClock } from '../../../gateway/kit/index.ts'
import { reading } from '../../support/points.ts'
import { child, tempFolder } from '../../support/resources.ts'
import { seededRandom, scale } from '../../support/seed.ts'
import { all, historyIn, hour, minute, pass, start } from './support.ts'

const random = seededRandom()
const filesIn = async (folder: string): Promise<string[]> => (await readdir(folder)).toSorted().map((name) => path.join(folder, name))
async function flipByte(file: string): Promise<void> {
  const { size } = await stat(file)
  await using handle = await open(file, 'r+')
  const at = Math.floor(random() * size)
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at)
  await handle.write(Buffer.from([buffer[0]! ^ (1 << Math.floor(random() * 8))]), 0, 1, at)
}

describe('the history under faults', () => {
  it('draws what is left when its files are damaged, and goes on', { timeout: 60_000 }, async () => {
    for (let turn = 0; turn < 15 * scale; turn++) {
      const folder = await tempFolder()
      const first = historyIn(folder)
      for (let n = 0; n < 40; n++) { first.history.readings([reading('hall.t', n, first.clock.now())]); await pass(first.history, first.clock, 5 * minute) }
      await first.history[Symbol.asyncDispose]()
      const files = [...await filesIn(path.join(folder, 'history/hours')), ...await filesIn(path.join(folder, 'history/raw'))]
      const hit = files[Math.floor(random() * files.length)]!
      if (random() < 0.3) await truncate(hit, Math.floor(random() * (await stat(hit)).size))
      else for (let flips = 0; flips < 3; flips++) await flipByte(hit)
      const { history, clock } = historyIn(folder, { clock: new FakeClock(first.clock.now()) })
      const before = (await history.chart('hall.t', start, start + 4 * hour, 240)).slots.filter(({ changes }) => changes > 0)
      // No value is invented: what is drawn was put in.
      for (const { at, changes, last } of before) expect([changes, last]).toEqual([1, (at - start) / (5 * minute)])
      expect(before.length).toBeGreaterThanOrEqual(12)
      const values = (await all(history.replay(0, Infinity))).map((input) => ('reading' in input ? input.reading.value : null))
      expect(values).toEqual(Array.from({ length: 40 }, (_, n) => n).filter((n) => values.includes(n)))
      history.readings([reading('hall.t', 1_000, clock.now())])
      await pass(history, clock, 2 * minute)
      expect((await all(history.replay(0, Infinity))).at(-1)).toMatchObject({ reading: { value: 1_000 } })
      expect((await history.chart('hall.t', clock.now() - minute, clock.now(), 1)).slots[0]).toMatchObject({ last: 1_000 })
      await history[Symbol.asyncDispose]()
    }
  })

  it('begins anew where something else lies in its place', async () => {
    const folder = await tempFolder()
    await writeFile(path.join(folder, 'history'), 'no history')
    const { history, clock } = historyIn(folder)
    history.readings([reading('hall.t', 1, clock.now())])
    expect(await all(history.replay(0, Infinity))).toHaveLength(1)
  })

  it('goes on when somebody removes its folder', async () => {
    const folder = await tempFolder()
    const { history, clock } = historyIn(folder)
    history.readings([reading('hall.t', 1, clock.now())])
    await pass(history, clock, 2 * minute)
    await rm(path.join(folder, 'history'), { recursive: true })
    await pass(history, clock, 2 * hour)
    history.readings([reading('hall.t', 2, clock.now())])
    await pass(history, clock, hour)
    expect((await history.chart('hall.t', clock.now() - 10 * minute, clock.now(), 1)).slots[0]).toMatchObject({ last: 2, quality: 'good' })
    expect(history.statistics().paused).toBe(false)
  })

  it('stays within its bytes: the oldest raw readings go, then the oldest minutes', { timeout: 60_000 }, async () => {
    const folder = await tempFolder()
    const maxBytes = 16 << 20
    const { history, clock } = historyIn(folder, { maxBytes })
    for (let turn = 0; turn < 60; turn++) {
      // Nothing compresses chance.
      for (let n = 0; n < 16; n++) {
        history.readings(Array.from({ length: 4_096 }, (_, index) => reading(`p.${index % 50}`, random() + random() / 2 ** 32, clock.now())))
        await history.span()
      }
      await pass(history, clock, 15 * minute)
      expect(history.statistics().bytes).toBeLessThan(maxBytes + (5 << 20))
    }
    const found = await history.span()
    expect(history.statistics()).toMatchObject({ lost: 0, readings: 60 * 16 * 4_096 })
    expect(found.raw).toBeGreaterThan(start)
    expect(found.minutes).toBe(start)
    expect((await history.chart('p.1', start, start + hour, 60)).slots.reduce((sum, { changes }) => sum + changes, 0)).toBeGreaterThan(4_000)
  })

  it('lets what is old go, by age', async () => {
    const folder = await tempFolder()
    const { history, clock } = historyIn(folder, { rawDays: 1, minuteDays: 2 })
    history.readings([reading('hall.t', 1, clock.now())])
    await pass(history, clock, 6 * hour)
    await history[Symbol.asyncDispose]()
    const later = historyIn(folder, { rawDays: 1, minuteDays: 2, clock: new FakeClock(start + 52 * hour) })
    later.history.readings([reading('hall.t', 2, later.clock.now())])
    await pass(later.history, later.clock, 5 * minute)
    const { minutes, raw } = await later.history.span()
    expect([(minutes! - start) / hour, (raw! - start) / hour]).toEqual([4, 52])
  })

  it('keeps the minutes of an unfinished hour through a long outage and a short life after it', async () => {
    const folder = await tempFolder()
    const first = historyIn(folder)
    first.history.readings([reading('hall.t', 20, start)])
    await pass(first.history, first.clock, 20 * minute)
    await first.history[Symbol.asyncDispose]()
    const short = historyIn(folder, { clock: new FakeClock(start + 20 * 24 * hour) })
    // Heard before the disk has told of the life before.
    short.history.readings([reading('hall.t', 25, start + 20 * 24 * hour)])
    await pass(short.history, short.clock, 2 * minute)
    await short.history[Symbol.asyncDispose]()
    const { slots } = await (await openMinutes(path.join(folder, 'history')))!.chart('hall.t', start, start + 20 * minute, 20)
    expect(slots.map(({ mean }) => mean)).toEqual(Array.from({ length: 20 }, () => 20))
  })

  const disk = process.getuid?.() === 0 && mountable()
  it.skipIf(!disk)('pauses on a full disk, counts what it misses, and goes on when there is room', { timeout: 60_000 }, async () => {
    const folder = await tempFolder()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'ignore' })
    onTestFinished(() => { execFileSync('umount', ['-l', folder]) })
    const { history, clock } = historyIn(folder)
    history.readings([reading('hall.t', 1, clock.now())])
    await pass(history, clock, minute)
    const filler = path.join(folder, 'filler')
    await writeFile(filler, Buffer.alloc(16 << 20)).catch(() => {})
    for (let n = 0; n < 30; n++) { history.readings([reading('hall.t', n, clock.now())]); await pass(history, clock, minute) }
    expect(history.statistics().paused).toBe(true)
    expect(history.statistics().lost).toBeGreaterThan(5)
    // Memory draws what the disk does not take.
    expect((await history.chart('hall.t', start, clock.now(), 60)).slots.filter(({ changes }) => changes > 0).length).toBeGreaterThan(25)
    await rm(filler)
    await pass(history, clock, 2 * minute)
    const { lost } = history.statistics()
    history.readings([reading('hall.t', 99, clock.now())])
    await pass(history, clock, minute)
    expect(history.statistics()).toMatchObject({ paused: false, lost })
    expect((await all(history.replay(0, Infinity))).at(-1)).toMatchObject({ reading: { value: 99 } })
  })

  it('counts a reading once where the hour ends before the disk has told of the life before', async () => {
    const folder = await tempFolder()
    const first = historyIn(folder, { clock: new FakeClock(start + 57 * minute) })
    first.history.readings([reading('hall.t', 1, first.clock.now())])
    await pass(first.history, first.clock, 1_000)
    await first.history[Symbol.asyncDispose]()
    const second = historyIn(folder, { clock: new FakeClock(start + 59.5 * minute) })
    second.history.readings([reading('hall.t', 2, second.clock.now())])
    // Nobody waits for the disk here.
    await second.clock.advance(2 * minute)
    await second.history[Symbol.asyncDispose]()
    const { slots } = await (await openMinutes(path.join(folder, 'history')))!.chart('hall.t', start + 57 * minute, start + 60 * minute, 3)
    expect(slots.map(({ changes, last }) => [changes, last])).toEqual([[1, 1], [0, null], [1, 2]])
  })

  it('leaves the last of the disk to the journal', async () => {
    const folder = await tempFolder()
    const { history, clock } = historyIn(folder, { minFreeBytes: 2 ** 60 })
    await history.span()
    history.readings([reading('hall.t', 1, clock.now())])
    await pass(history, clock, minute)
    expect(history.statistics()).toMatchObject({ paused: true, lost: 1, bytes: 0 })
  })

  it('loses to kill -9 only what was not written yet, and every minute it draws agrees with what it replays', { timeout: 120_000 }, async () => {
    const folder = await tempFolder()
    await mkdir(path.join(folder, 'history'), { recursive: true })
    let seen = 0
    for (let kill = 0; kill < 5 * scale; kill++) {
      const writer = child(process.execPath, [path.join(import.meta.dirname, 'writer.ts'), path.join(folder, 'history'), String(seen)])
      await new Promise<void>((resolve) => writer.stdout!.once('data', () => resolve()))
      await new Promise((resolve) => { setTimeout(resolve, 50 + random() * 250) })
      writer.kill('SIGKILL')
      await new Promise((resolve) => writer.once('exit', resolve))
      const [now, last] = (await readFile(path.join(folder, 'clock'), 'utf8')).split(' ').map(Number) as [number, number]
      seen = last + 1
      const { history } = historyIn(folder, { clock: new FakeClock(now + 1_000) })
      const inputs = await all(history.replay(0, Infinity))
      const numbers = inputs.flatMap((input) => ('reading' in input ? [input.reading.value as number] : []))
      // 10 s are 25 readings, and the disk may be 50 behind.
      expect(numbers.at(-1)).toBeGreaterThanOrEqual(seen - 75)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      expect(new Set(numbers).size).toBe(numbers.length)
      const { slots } = await history.chart('p.n', start, start + 2_000 * minute, 2_000)
      const counted = new Map<number, number>()
      for (const input of inputs) if ('reading' in input) counted.set(Math.floor(input.reading.receivedAt / minute), (counted.get(Math.floor(input.reading.receivedAt / minute)) ?? 0) + 1)
      for (const { at, changes } of slots) if (changes > 0 || counted.has(at / minute)) expect([at, changes]).toEqual([at, counted.get(at / minute) ?? 0])
      await history[Symbol.asyncDispose]()
    }
  })
})

function mountable(): boolean {
  try { execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }); return true } catch { return false }
}
