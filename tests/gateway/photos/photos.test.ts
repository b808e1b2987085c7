import { readdir, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FakeClock, silentLog, systemClock } from '../../../gateway/kit/index.ts'
import { PhotoStore, residentLimits, staffLimits } from '../../../gateway/photos/index.ts'
import { jpegSize } from '../../../gateway/photos/jpeg-header.ts'
import { claiming, jpeg, pixels, withExif } from '../../support/photos.ts'
import { tempFolder } from '../../support/resources.ts'

const day = 86_400_000
async function opened({ folder, clock = systemClock, maxBytes = 200_000_000, keepDays = 90 }: { folder?: string; clock?: typeof systemClock; maxBytes?: number; keepDays?: number } = {}) {
  const where = folder ?? path.join(await tempFolder(), 'photos')
  const store = new PhotoStore({ folder: where, clock, log: silentLog(), config: { maxBytes, keepDays } })
  onTestFinished(() => store[Symbol.dispose]())
  return { store, folder: where, kept: async (bytes: Uint8Array, limits = residentLimits) => store.read(await store.add(bytes, limits)) }
}
const refused = (code: string) => expect.objectContaining({ code })

describe('a photo', () => {
  it('is encoded anew: no position, no comment, nothing after the picture is left', async () => {
    const { kept } = await opened()
    const taken = Buffer.concat([withExif(await jpeg(64, 48)), Buffer.from('<script>alert(1)</script>PK\x03\x04')])
    const made = Buffer.from(await kept(taken))
    expect(taken.includes('GPS N 30.5928')).toBe(true)
    for (const gone of ['Exif', 'GPS', '30.5928', 'script', 'PK']) expect([gone, made.includes(gone)]).toEqual([gone, false])
    expect(made.subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]))
    expect(made.subarray(-2)).toEqual(Buffer.from([0xff, 0xd9]))
    expect(jpegSize(made)).toEqual({ width: 64, height: 48 })
    const { data } = await pixels(made)
    expect(data[0]).toBeGreaterThan(200)
    expect(data[2]).toBeLessThan(60)
  })

  it('stands as the camera was held, now that its word for it is gone', async () => {
    const { kept } = await opened()
    expect(jpegSize(await kept(withExif(await jpeg(64, 48), 6)))).toEqual({ width: 48, height: 64 })
  })

  it('is at most 1600 pixels a side and 300 kB, whatever is in it', { timeout: 20_000 }, async () => {
    const { kept } = await opened()
    const taken = await jpeg(2_000, 1_500, { noise: true, quality: 60 })
    const made = await kept(taken, staffLimits)
    expect(taken.length).toBeGreaterThan(300_000)
    expect(made.length).toBeLessThanOrEqual(300_000)
    const { width, height } = jpegSize(made)
    expect(Math.max(width, height)).toBeLessThanOrEqual(1_600)
    expect(width / height).toBeCloseTo(4 / 3, 2)
  })

  it('that claims to be huge is refused before a byte of it is decoded', async () => {
    const { store } = await opened()
    await expect(store.add(claiming(await jpeg(16, 16), 65_535, 65_535), staffLimits)).rejects.toEqual(refused('PHOTO_TOO_LARGE'))
    await expect(store.add(Buffer.alloc(residentLimits.maxBytes + 1, 0xff), residentLimits)).rejects.toEqual(refused('PHOTO_TOO_LARGE'))
  })

  it('that breaks off, or is none, is refused in words, and the next one is taken', async () => {
    const { store, kept } = await opened()
    const whole = await jpeg(320, 240)
    const others: readonly Buffer[] = [
      whole.subarray(0, whole.length / 2), Buffer.from(''), Buffer.from('GIF89a\x01\x00\x01\x00'), Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), Buffer.from('\x89PNG\r\n\x1a\n'),
      claiming(whole, 640, 480), claiming(whole, 320, 0), Buffer.concat([whole.subarray(0, 2), Buffer.from('junk'), whole.subarray(2)]),
    ]
    for (const [index, bytes] of others.entries()) await expect(store.add(bytes, residentLimits).then(() => index, (error: unknown) => error)).resolves.toEqual(refused('PHOTO_INVALID'))
    expect(jpegSize(await kept(whole))).toEqual({ width: 320, height: 240 })
  })

  it('waits its turn, and the sixth at once is asked to come again', async () => {
    const { store } = await opened()
    const one = await jpeg(320, 240)
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => store.add(one, residentLimits)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(4)
    expect(outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))).toEqual([refused('PHOTO_BUSY'), refused('PHOTO_BUSY')])
  })
})

describe('the header of a JPEG', () => {
  it('is read to its frame, whatever bytes come: a size, or a refusal', async () => {
    const whole = await jpeg(40, 30)
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 8 }), fc.nat(whole.length), (changes, length) => {
      const bytes = Buffer.from(whole.subarray(0, length))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      try {
        const { width, height } = jpegSize(bytes)
        expect(width * height).toBeGreaterThan(0)
      } catch (error) { expect(error).toEqual(refused('PHOTO_INVALID')) }
    }))
  })
})

describe('the folder of photos', () => {
  it('keeps what it has over a restart, and clears away what was half written', async () => {
    const { store, folder } = await opened()
    const id = await store.add(await jpeg(32, 32), residentLimits)
    await writeFile(path.join(folder, `${id}.jpg.ab12`), 'half')
    const { store: next } = await opened({ folder })
    expect(Buffer.from(await next.read(id))).toEqual(Buffer.from(await store.read(id)))
    expect(await readdir(folder)).toEqual([`${id}.jpg`])
    expect((await stat(path.join(folder, `${id}.jpg`))).mode & 0o777).toBe(0o600)
  })

  it('lets the oldest go when its room is used up', async () => {
    const { store, folder } = await opened({ maxBytes: 2_500 })
    const ids: string[] = []
    for (let n = 0; n < 8; n++) ids.push(await store.add(await jpeg(64, 64), residentLimits))
    const left = (await readdir(folder)).map((name) => name.slice(0, 16))
    expect(left.length).toBeGreaterThan(0)
    expect(left.length).toBeLessThan(8)
    expect(left.toSorted()).toEqual(ids.slice(-left.length).toSorted())
    await expect(store.read(ids[0]!)).rejects.toEqual(refused('PHOTO_UNKNOWN'))
    await expect(store.read('../../etc/passwd')).rejects.toEqual(refused('PHOTO_UNKNOWN'))
  })

  it('lets each go after its days, without anybody asking', async () => {
    const clock = new FakeClock()
    const { store, folder } = await opened({ clock, keepDays: 2 })
    const id = await store.add(await jpeg(32, 32), residentLimits)
    const at = clock.now() / 1_000
    await utimes(path.join(folder, `${id}.jpg`), at, at)
    await clock.advance(2 * day - 60_000)
    expect(await store.has(id)).toBe(true)
    await clock.advance(7_200_000)
    await expect.poll(() => readdir(folder)).toEqual([])
  })
})
