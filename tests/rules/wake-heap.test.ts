import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WakeHeap, type Sleeper } from '../../rules/wake-heap.ts'

it('always names the earliest, through any changes', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat({ max: 9 }), fc.option(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant(-Infinity)), { nil: undefined })), { maxLength: 200 }), (changes) => {
    const sleepers = Array.from({ length: 10 }, (): Sleeper => ({ wakeAt: undefined, place: -1 }))
    const heap = new WakeHeap()
    for (const [index, wakeAt] of changes) {
      heap.set(sleepers[index]!, wakeAt)
      const waiting = sleepers.flatMap((each) => each.wakeAt ?? [])
      expect(heap.size).toBe(waiting.length)
      expect(heap.first?.wakeAt).toBe(waiting.length > 0 ? Math.min(...waiting) : undefined)
    }
    const order: number[] = []
    for (let { first } = heap; first; { first } = heap) { order.push(first.wakeAt!); heap.set(first, undefined) }
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect(sleepers.every(({ place }) => place === -1)).toBe(true)
  }))
})
