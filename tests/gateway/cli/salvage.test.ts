import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { salvage } from '../../../gateway/cli/init/salvage.ts'

describe('answers without what is wrong in them', () => {
  it('lack an entry with several faults once, and not its neighbour', () => {
    const entry = z.strictObject({ size: z.number(), depth: z.number() })
    const found = salvage(z.strictObject({ list: z.array(entry) }), { list: [{ size: 0, depth: 0 }, {}, { size: 2, depth: 2 }] })!
    expect(found.data.list.map(({ size }) => size)).toEqual([0, 2])
    expect(found.given(['list', 1])).toEqual(['list', 2])
  })
  it('lack the wrong entries and no others, also behind the tenth', () => {
    const list = Array.from({ length: 13 }, (_, n) => ({ id: `d${n}`, size: n === 9 || n === 10 ? 'wide' : n }))
    const found = salvage(z.strictObject({ list: z.array(z.strictObject({ id: z.string(), size: z.number() })) }), { list })!
    expect(found.data.list.map(({ size }) => size)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12])
    expect([...found.gone].toSorted()).toEqual(['d10', 'd9'])
    expect(found.given(['list', 9, 'size'])).toEqual(['list', 11, 'size'])
  })
})
