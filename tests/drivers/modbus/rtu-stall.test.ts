import { expect, it } from 'vitest'
import type { Exchange } from '../../../drivers/modbus/line.ts'
import type { ByteLink } from '../../../drivers/modbus/link.ts'
import { readRequest } from '../../../drivers/modbus/pdu.ts'
import { RtuLine } from '../../../drivers/modbus/rtu-line.ts'
import { encodeRtu } from '../../../drivers/modbus/rtu.ts'
import { FakeClock } from '../../../gateway/kit/index.ts'

/** A process that was stopped for a while finds its timers late, and only then what came in meanwhile. */
class StalledClock extends FakeClock {
  #stalledMs = 0
  override monotonic(): number { return super.monotonic() + this.#stalledMs }
  stall(ms: number): void { this.#stalledMs += ms }
}

async function bench() {
  const clock = new StalledClock()
  let hear: (bytes: Buffer) => void = () => {}
  const sent: string[] = []
  const link: ByteLink = { write: (bytes) => { sent.push(bytes.toString('hex')) }, onBytes: (listener) => { hear = listener }, onClose: () => {}, close: async () => {} }
  const line = new RtuLine({ open: async () => link, wire: { charMs: 1, silenceMs: 4 } as never, pauseAfterConnect: 0, settleMs: 0, clock })
  await line.open()
  const said: (readonly [register: number, answer: string])[] = []
  const read = (register: number): Exchange => ({
    unit: 1, pdu: readRequest('holding', register, 1), timeoutMs: 50, settleMs: 100, pauseMs: 0, pipeline: 1, previous: null, frame: null,
    done: (error, reply) => { said.push([register, error ? error.code : reply!.readUInt16BE(2).toString(16)]) },
  })
  const waiting = [read(1), read(2)]
  // As the bus does: the next request goes as soon as the line is free.
  const next = (): void => { if (waiting.length > 0 && line.ready()) line.send(waiting.shift()!) }
  line.onFree(next)
  await clock.advance(10)
  next()
  expect(sent).toHaveLength(1)
  const answer = (value: string): void => hear(Buffer.from(encodeRtu(1, Buffer.from(`0302${value}`, 'hex'))))
  /** In the small steps of a process that keeps up. */
  const live = async (ms: number): Promise<void> => { for (let passed = 0; passed < ms; passed += 2) await clock.advance(2) }
  return { clock, said, sent, answer, live }
}

it('an answer that was there while the gateway itself stood still is taken for its own request', async () => {
  const { clock, said, answer, live } = await bench()
  clock.stall(500)
  // The timers come first, what waits in the kernel behind them.
  await live(60)
  answer('1111')
  await live(20)
  answer('2222')
  expect(said).toEqual([[1, '1111'], [2, '2222']])
})
it('an answer that came twice while the gateway stood still is not taken for the next request\'s, however long it stood', async () => {
  const { clock, said, answer, live } = await bench()
  clock.stall(500)
  await live(4)
  answer('1111')
  // The next request has gone by the time that the second is read.
  await live(8)
  answer('1111')
  await live(150)
  answer('2222')
  expect(said[0]).toEqual([1, '1111'])
  expect(said[1]).toEqual([2, 'MODBUS_FRAME'])
})
it('an answer that came twice, read after the gateway stood still with the next request in the air, is not that request\'s', async () => {
  const { clock, said, answer, live } = await bench()
  await live(4)
  answer('1111')
  await live(8)
  clock.stall(500)
  await live(60)
  answer('1111')
  expect(said).toEqual([[1, '1111'], [2, 'MODBUS_FRAME']])
})
it('an answer that came twice while the gateway stood still before the next request is read before that goes', async () => {
  const { clock, said, answer, live, sent } = await bench()
  await live(4)
  answer('1111')
  clock.stall(500)
  await live(10)
  expect(sent).toHaveLength(1)
  answer('1111')
  await live(40)
  expect(sent).toHaveLength(2)
  answer('2222')
  expect(said).toEqual([[1, '1111'], [2, '2222']])
})
it('an answer that came while the gateway stood still in the silence after a doubt is nobody\'s', async () => {
  const { clock, said, answer, live } = await bench()
  await live(60)
  expect(said).toEqual([[1, 'MODBUS_TIMEOUT']])
  clock.stall(500)
  await live(50)
  answer('1111')
  await live(50)
  answer('2222')
  expect(said).toEqual([[1, 'MODBUS_TIMEOUT'], [2, '2222']])
})
