import ModbusRTU from 'modbus-serial'
import { ModbusClient } from '../../drivers/modbus/client.ts'
import { readReply, readRequest } from '../../drivers/modbus/codec.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { median, start, stop } from './processes.ts'

const runMs = 1_000
const rounds = 5

export interface PollRate { readonly perSecond: number; /** Microseconds of this process a poll. */ readonly cpuUs: number }

/** FC3 of 125 registers, one after the other, on one connection: ours and modbus-serial in turn on the same server. */
export async function modbusPolls(): Promise<{ readonly ours: PollRate; readonly peer: PollRate }> {
  const server = await start<{ port: number }>('modbus-server.ts', [])
  const { port } = server.first
  const client = new ModbusClient({ host: '127.0.0.1', port, connectTimeout: 3_000, pauseAfterConnect: 0, pauseBetweenRequests: 0, clock: systemClock })
  const peer = new ModbusRTU.default()
  await peer.connectTCP('127.0.0.1', { port })
  peer.setID(1)
  peer.setTimeout(1_000)
  const request = readRequest('holding', 0, 125)
  const ours: PollRate[] = []
  const theirs: PollRate[] = []
  for (let round = 0; round <= rounds; round++) {
    const a = await rate(async () => { readReply(request, await client.request(1, request, 1_000)) })
    const b = await rate(async () => { await peer.readHoldingRegisters(0, 125) })
    // The first pair warms both up.
    if (round > 0) { ours.push(a); theirs.push(b) }
  }
  await client[Symbol.asyncDispose]()
  await new Promise<void>((resolve) => { peer.close(() => resolve()) })
  await stop(server.process)
  return { ours: middle(ours), peer: middle(theirs) }
}

const middle = (list: readonly PollRate[]): PollRate => ({ perSecond: median(list.map(({ perSecond }) => perSecond)), cpuUs: median(list.map(({ cpuUs }) => cpuUs)) })

async function rate(poll: () => Promise<void>): Promise<PollRate> {
  const began = performance.now()
  const cpu = process.cpuUsage()
  let polls = 0
  while (performance.now() - began < runMs) { await poll(); polls++ }
  const used = process.cpuUsage(cpu)
  return { perSecond: polls / ((performance.now() - began) / 1_000), cpuUs: (used.user + used.system) / polls }
}
