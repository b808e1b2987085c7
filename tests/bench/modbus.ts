import ModbusRTU from 'modbus-serial'
import { ModbusClient } from '../../drivers/modbus/client.ts'
import { readReply, readRequest } from '../../drivers/modbus/codec.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { median, start, stop } from './processes.ts'

const runMs = 1_000
const rounds = 5

/** FC3 of 125 registers, one after the other, on one connection: ours and modbus-serial in turn on the same server. Polls a second. */
export async function modbusPolls(): Promise<{ readonly ours: number; readonly peer: number }> {
  const server = await start<{ port: number }>('modbus-server.ts', [])
  const { port } = server.first
  const client = new ModbusClient({ host: '127.0.0.1', port, connectTimeout: 3_000, pauseAfterConnect: 0, pauseBetweenRequests: 0, clock: systemClock })
  const peer = new ModbusRTU.default()
  await peer.connectTCP('127.0.0.1', { port })
  peer.setID(1)
  peer.setTimeout(1_000)
  const request = readRequest('holding', 0, 125)
  const ours = async (): Promise<void> => { readReply(request, await client.request(1, request, 1_000)) }
  const theirs = async (): Promise<void> => { await peer.readHoldingRegisters(0, 125) }
  const [a, b]: number[][] = [[], []]
  for (let round = 0; round <= rounds; round++) {
    const pair = [await rate(ours), await rate(theirs)]
    if (round > 0) { a!.push(pair[0]!); b!.push(pair[1]!) }
  }
  await client[Symbol.asyncDispose]()
  await new Promise<void>((resolve) => { peer.close(() => resolve()) })
  await stop(server.process)
  return { ours: median(a!), peer: median(b!) }
}

async function rate(poll: () => Promise<void>): Promise<number> {
  const began = performance.now()
  let polls = 0
  while (performance.now() - began < runMs) { await poll(); polls++ }
  return polls / ((performance.now() - began) / 1_000)
}
