import fc from 'fast-check'
import mqttPacket from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { PacketSizeGuard } from '../../../drivers/mqtt/packet-size.ts'

const publish = (size: number): Buffer => mqttPacket.generate({ cmd: 'publish', topic: 't', payload: Buffer.alloc(size, 0xff), qos: 0, dup: false, retain: false })
const cutUp = (stream: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).toSorted((a, b) => a - b), stream.length]
  return places.slice(1).map((end, index) => stream.subarray(places[index], end))
}

describe('the guard on packet sizes', () => {
  it('law: lets every packet within the limit pass and stops the first beyond it, however the stream is cut', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 6 }), fc.array(fc.nat(100_000), { maxLength: 10 }), fc.integer({ min: 100, max: 30_000 }), (sizes, cuts, limit) => {
      const guard = new PacketSizeGuard(limit)
      const passed = cutUp(Buffer.concat(sizes.map(publish)), cuts).every((chunk) => guard.accept(chunk))
      // Topic length and topic are three bytes of the body.
      expect(passed).toBe(sizes.every((size) => size + 3 <= limit))
    }))
  })
  it('stops a length of more than four bytes', () => { expect(new PacketSizeGuard(2 ** 30).accept(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80]))).toBe(false) })
})
