import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import ModbusRTU from 'modbus-serial'
import { ModbusClient } from '../../drivers/modbus/client.ts'
import { readReply, readRequest } from '../../drivers/modbus/codec.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { freePort, median, stop } from './processes.ts'

const runMs = 1_000
const rounds = 5

/** FC3 of 125 registers, one after the other, on one connection: ours and modbus-serial in turn on the same server. Polls a second. */
export async function modbusPolls(): Promise<{ readonly ours: number; readonly peer: number }> {
  const server = await libmodbusServer()
  const { port } = server
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
  rmSync(server.folder, { recursive: true, force: true })
  return { ours: median(a!), peer: median(b!) }
}

async function rate(poll: () => Promise<void>): Promise<number> {
  const began = performance.now()
  let polls = 0
  while (performance.now() - began < runMs) { await poll(); polls++ }
  return polls / ((performance.now() - began) / 1_000)
}

/** The C server of the tests: fast enough that the clients are what is measured. Needs gcc and libmodbus-dev. */
async function libmodbusServer() {
  const folder = mkdtempSync(path.join(tmpdir(), 'linli-bench-'))
  const binary = path.join(folder, 'server')
  execFileSync('gcc', ['-O2', '-o', binary, path.join(import.meta.dirname, '../support/libmodbus-server.c'), '-I/usr/include/modbus', '-lmodbus'])
  const port = await freePort()
  const running = spawn(binary, [String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => { running.stdout.once('data', resolve) })
  return { process: running, port, folder }
}
