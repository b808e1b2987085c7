import path from 'node:path'
import ModbusRTU from 'modbus-serial'
import { crc16 } from '../../../drivers/modbus/rtu.ts'
import { compilePoint } from '../../../drivers/modbus/values.ts'
import { modbusPoint } from '../../drivers/modbus/support.ts'
import { inFolder, median } from '../processes.ts'
import { client, compiled, here, libmodbusFlags, nodeRed, run, type Asked } from './programs.ts'

export interface Rate { readonly perSecond: number; /** Microseconds of the client's CPU a poll. */ readonly cpuUs: number }
const roundMs = 2_000
const rounds = 5
const middle = (list: readonly Rate[]): Rate => ({ perSecond: median(list.map(({ perSecond }) => perSecond)), cpuUs: median(list.map(({ cpuUs }) => cpuUs)) })

export interface Rates { readonly libmodbus: Rate; readonly ours: Rate; readonly all: Rate; readonly pipelined: Rate; readonly pipelinedAll: Rate; readonly sleeping: Rate; readonly libmodbusSleeping: Rate; readonly serial: Rate; readonly nodeRed: Rate }

/** FC3 of 100 registers of ten devices, flat out, in turn: libmodbus's bare read, Node-RED and ours from socket to scaled live value. Throws when a live value is not what the server served. */
export function rates(): Promise<Rates> {
  return inFolder(async (folder) => {
    const server = compiled(path.join(here, 'server.c'), folder)
    const peer = compiled(path.join(here, 'libmodbus.c'), folder, libmodbusFlags)
    const results: Record<keyof Rates, Rate[]> = { libmodbus: [], ours: [], all: [], pipelined: [], pipelinedAll: [], sleeping: [], libmodbusSleeping: [], serial: [], nodeRed: [] }
    // The server spins, so that what is measured is the client; the last pairs are against one that sleeps while it waits.
    const servers = { tenth: run(server, [10, 'spin']), all: run(server, [100, 'spin']), sleeping: run(server, [10]) }
    const ports = { tenth: (await servers.tenth.next<{ port: number }>()).port, all: (await servers.all.next<{ port: number }>()).port, sleeping: (await servers.sleeping.next<{ port: number }>()).port }
    const pause = (asked: Asked, signal: 'SIGSTOP' | 'SIGCONT'): void => { asked.process.kill(signal) }
    const bare = async (port: number): Promise<Rate> => { const asked = run(peer, [port, 10, roundMs]); const rate = await asked.next<Rate>(); await asked[Symbol.asyncDispose](); return rate }
    const whole = async (port: number, connections: number, pipeline: number): Promise<Rate> => {
      await using asked = client(port, { devices: 10, connections, pipeline, ms: roundMs })
      await asked.next()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const rate = await asked.ask<Rate>('run')
      const { wrong, live } = await asked.ask<{ wrong: number; live: number }>('end')
      if (wrong > 0 || live !== 1_000) throw new Error(`${wrong} of ${live} live values are not what the server served`)
      return rate
    }
    const red = async (port: number): Promise<Rate> => {
      await using asked = nodeRed(port, 10, roundMs)
      await asked.next()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const { wrong, ...rate } = await asked.ask<Rate & { wrong: number }>('run')
      if (wrong > 0) throw new Error(`${wrong} answers of Node-RED are not what the server served`)
      return rate
    }
    for (const asked of Object.values(servers)) pause(asked, 'SIGSTOP')
    const on = async (name: keyof typeof servers, measure: (port: number) => Promise<Rate>): Promise<Rate> => {
      pause(servers[name], 'SIGCONT')
      try { return await measure(ports[name]) } finally { pause(servers[name], 'SIGSTOP') }
    }
    for (let round = 0; round < rounds; round++) {
      results.libmodbus.push(await on('tenth', bare))
      results.ours.push(await on('tenth', (port) => whole(port, 10, 1)))
      results.pipelined.push(await on('tenth', (port) => whole(port, 1, 8)))
      results.all.push(await on('all', (port) => whole(port, 10, 1)))
      results.pipelinedAll.push(await on('all', (port) => whole(port, 1, 8)))
      results.libmodbusSleeping.push(await on('sleeping', bare))
      results.sleeping.push(await on('sleeping', (port) => whole(port, 10, 1)))
      results.serial.push(await on('tenth', modbusSerial))
      results.nodeRed.push(await on('tenth', red))
    }
    for (const asked of Object.values(servers)) { pause(asked, 'SIGCONT'); await asked[Symbol.asyncDispose]() }
    return Object.fromEntries(Object.entries(results).map(([name, list]) => [name, middle(list)])) as unknown as Rates
  })
}

/** The npm library on the same server, ten connections. */
async function modbusSerial(port: number): Promise<Rate> {
  const clients = await Promise.all(Array.from({ length: 10 }, async (_, index) => { const one = new ModbusRTU.default(); await one.connectTCP('127.0.0.1', { port }); one.setID(index + 1); one.setTimeout(1_000); return one }))
  const cpu = process.cpuUsage()
  const began = performance.now()
  let polls = 0
  await Promise.all(clients.map(async (one) => { while (performance.now() - began < roundMs) { await one.readHoldingRegisters(0, 100); polls++ } }))
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - began) / 1_000
  await Promise.all(clients.map((one) => new Promise<void>((resolve) => { one.close(() => resolve()) })))
  return { perSecond: polls / seconds, cpuUs: (used.user + used.system) / polls }
}

/** The codec alone: nanoseconds a register decoded, and a byte of CRC. */
export function codec(): { readonly decodeNs: number; readonly crcNs: number } {
  const points = Array.from({ length: 100 }, (_, register) => compilePoint(modbusPoint(`d.p${register}`, { table: 'holding', register }), 0))
  const data = Buffer.alloc(200, 7)
  let sum = 0
  const time = (turns: number, task: () => void): number => { const began = performance.now(); for (let turn = 0; turn < turns; turn++) task(); return (performance.now() - began) * 1e6 / turns }
  const decode = (): void => { for (const point of points) sum += point.decode(data) as number }
  const crc = (): void => { sum += crc16(data) }
  time(10_000, decode)
  time(10_000, crc)
  const figures = { decodeNs: time(50_000, decode) / 100, crcNs: time(50_000, crc) / 200 }
  if (sum === 0) throw new Error('nothing was decoded')
  return figures
}
