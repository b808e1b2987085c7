import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Scanned } from '../../../gateway/store/scan.ts'
import { Tail } from '../../../gateway/store/tail.ts'
import { drain, event, journalIn } from '../../support/journals.ts'
import { tempFolder } from '../../support/resources.ts'

const epoch = '00000002-a1b2c3d4'
const record = (stream: string, seq: number, size: number): Scanned => ({ stream, epoch, seq, at: 0, encoding: 'json', bytes: new Uint8Array(size), prevHash: '', totals: { records: seq, bytes: 0 } })

describe('the newest records', () => {
  it('are those right after the place asked for, or none: never with a hole', () => {
    const sizes = fc.array(fc.tuple(fc.constantFrom('alert', 'telemetry'), fc.integer({ min: 0, max: 40_000 })), { maxLength: 40 })
    fc.assert(fc.property(sizes, fc.integer({ min: 0, max: 45 }), fc.integer({ min: 1, max: 10 }), (list, seq, limit) => {
      const tail = new Tail()
      const all = list.map(([stream, size], index) => record(stream, list.slice(0, index + 1).filter(([each]) => each === stream).length, size))
      tail.add(all)
      for (const stream of ['alert', 'telemetry']) {
        const found = tail.after(stream, { epoch, seq }, limit)
        const expected = all.filter((each) => each.stream === stream && each.seq > seq).slice(0, limit)
        if (found.length > 0) expect(found).toEqual(expected)
        else expect(expected.length === 0 || expected.reduce((sum, { bytes }) => sum + bytes.length, 0) + all.filter((each) => each.stream === stream).slice(seq + limit).reduce((sum, { bytes }) => sum + bytes.length, 0) > 32_768).toBe(true)
        expect(tail.after(stream, { epoch: '00000001-a1b2c3d4', seq }, limit)).toEqual([])
        expect(tail.after(stream, null, limit)).toEqual([])
      }
    }))
  })

  it('hand over to the disk without a seam, for a reader that keeps up and one that does not', async () => {
    const journal = await journalIn(await tempFolder())
    const [quick, slow] = [await journal.reader('quick', { from: 'start' }), await journal.reader('slow', { from: 'start' })]
    const seen: number[] = []
    for (let n = 1; n <= 60; n++) {
      await journal.commit({ events: [event(n, { data: { n, text: 'x'.repeat(900) } })], urgent: true })
      if (n % 7 !== 3) seen.push(...(await drain(quick, 'event')).map(({ seq }) => seq))
    }
    expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    expect((await drain(slow, 'event', 7)).map(({ seq }) => seq)).toEqual(seen)
    expect(journal.statistics().gaps).toBe(0)
  })
})
