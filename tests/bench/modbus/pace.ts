import path from 'node:path'
import { modbusDriver } from '../../../drivers/modbus/driver.ts'
import { forecast } from '../../../drivers/modbus/forecast.ts'
import { modbusConfig } from '../../drivers/modbus/support.ts'
import { silentLog, systemClock as clock } from '../../../gateway/kit/index.ts'
import type { DriverKit } from '../../../gateway/contract/index.ts'
import type { ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { inFolder, median } from '../processes.ts'
import { client, compiled, here, libmodbusFlags, run } from './programs.ts'

const kit: DriverKit = { clock, random: Math.random, log: silentLog(), hashIdentity: String, readSecret: async () => '', recall: async () => undefined }

/** Runs a line for `ms` after `warmMs`; nothing is done with what it brings. */
async function poll<T>(config: ModbusConfig, warmMs: number, ms: number, asked: { before(): Promise<unknown>; after(): Promise<T> }): Promise<T> {
  const stop = new AbortController()
  const session = await modbusDriver.connect(config, kit, stop.signal)
  const running = (async () => { for await (const _ of session.intake(stop.signal)); })()
  await clock.sleep(warmMs)
  await asked.before()
  await clock.sleep(ms)
  const result = await asked.after()
  stop.abort()
  await running
  await session[Symbol.asyncDispose]()
  return result
}

const points = (count: number, pollMs: number) => Object.fromEntries(Array.from({ length: count }, (_, register) => [`p${register}`, { table: 'holding', register, pollMs }]))
const units = (count: number, registers: number, pollMs: number, first = 1) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`d${index}`, { unitId: first + index, points: points(registers, pollMs) }]))

/** Least squares: the interval that fits the moments best. Skipped polls leave a hole, not an error. */
function slope(moments: readonly number[], everyMs: number): number {
  const turns = moments.map((at) => Math.round((at - moments[0]!) / everyMs))
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length
  const [mt, mm] = [mean(turns), mean(moments)]
  const covariance = turns.reduce((sum, turn, index) => sum + (turn - mt) * (moments[index]! - mm), 0)
  return covariance / turns.reduce((sum, turn) => sum + (turn - mt) ** 2, 0)
}

/** Ten devices at 100 Hz on ten connections, judged by when the server was asked. */
export function jitter(): Promise<{ readonly p99Ms: number; readonly driftPercent: number }> {
  return inFolder(async (folder) => {
    await using server = run(compiled(path.join(here, 'server.c'), folder), [10])
    const { port } = await server.next<{ port: number }>()
    const stops: Promise<number[][]>[] = []
    let asked: Promise<number[][]> | null = null
    const once = { before: async () => (asked ??= server.ask<number[][]>('')), after: async () => [] as number[][] }
    for (let line = 0; line < 10; line++) stops.push(poll({ ...modbusConfig(port, units(1, 100, 10, line + 1)), id: `line-${line}` }, 2_000, 20_000, once))
    await clock.sleep(21_900)
    const moments = (await server.ask<number[][]>('')).filter(({ length }) => length > 0)
    await Promise.all(stops)
    const off = moments.flatMap((list) => list.slice(1).map((at, index) => Math.abs(at - list[index]! - 10))).toSorted((a, b) => a - b)
    return { p99Ms: off[Math.floor(off.length * 0.99)]!, driftPercent: Math.max(...moments.map((list) => Math.abs(slope(list, 10) / 10 - 1))) * 100 }
  })
}

/** Ten units on one connection every 200 ms, one of them dead: how far the slowest of the nine is from its period, in percent. */
export function isolation(): Promise<number> {
  return inFolder(async (folder) => {
    await using server = run(compiled(path.join(here, 'server.c'), folder), [10])
    const { port } = await server.next<{ port: number }>()
    const config = modbusConfig(port, { ...units(9, 20, 200), dead: { unitId: 201, points: points(20, 200) } }, { timeout: '150ms' })
    const moments = (await poll(config, 500, 20_000, { before: () => server.ask(''), after: () => server.ask<number[][]>('') })).filter(({ length }) => length > 0)
    if (moments.length !== 9) throw new Error(`${moments.length} of nine units were asked`)
    return Math.max(...moments.map((list) => Math.abs((list.at(-1)! - list[0]!) / (list.length - 1) / 200 - 1))) * 100
  })
}

export interface Serial { readonly efficiency: number; readonly early: number }

/** One unit flat out on a pty whose other end keeps wire time and turnaround and asks libmodbus: share of the line rate that theory allows. */
export function serial(baudRate: number, registers: number, turnaroundMs: number): Promise<Serial> {
  return inFolder(async (folder) => onShaper(folder, baudRate, turnaroundMs, [1], async ({ gateway, ask }) => {
    const config = modbusConfig(1, { d: { unitId: 1, points: points(registers, 0) } }, { transport: 'rtu', host: undefined, path: gateway, baudRate, timeout: '2s' })
    const character = 10_000 / baudRate
    const silence = baudRate > 19_200 ? 1.75 : 3.5 * character
    const idealMs = (13 + 2 * registers) * character + 2 * silence + turnaroundMs
    const results: Serial[] = []
    for (let round = 0; round < 5; round++) {
      const { requests, early, ms } = await poll(config, 500, Math.max(4_000, idealMs * 30), { before: ask, after: ask })
      results.push({ efficiency: idealMs * (requests - 1) / ms, early })
    }
    return { efficiency: median(results.map(({ efficiency }) => efficiency)), early: results.reduce((sum, { early }) => sum + early, 0) }
  }))
}

/** 38 units with two reads each at 9600 baud, asked for faster than the line can: how far `linli check`'s forecast of a full scan is from what the line shows, in percent. */
export function forecastError(): Promise<{ readonly forecastMs: number; readonly scanMs: number; readonly percent: number }> {
  const turnaroundMs = 60
  const unitIds = Array.from({ length: 38 }, (_, index) => index + 1)
  return inFolder((folder) => onShaper(folder, 9_600, turnaroundMs, unitIds, async ({ gateway, ask }) => {
    const registers = { ...points(10, 5_000), far: { table: 'holding', register: 300, pollMs: 5_000 } }
    const config = modbusConfig(1, Object.fromEntries(unitIds.map((unitId) => [`d${unitId}`, { unitId, turnaround: `${turnaroundMs}ms`, points: registers }])), { transport: 'rtu', host: undefined, path: gateway, baudRate: 9_600, timeout: '2s' })
    const told = forecast(config)!
    const { requests, ms } = await poll(config, 2_000, told.scanMs * 2, { before: ask, after: ask })
    const scanMs = ms / (requests - 1) * told.requests
    return { forecastMs: told.scanMs, scanMs, percent: Math.abs(told.scanMs / scanMs - 1) * 100 }
  }))
}

interface Shaped { readonly gateway: string; ask(): Promise<{ requests: number; early: number; ms: number }> }

/** A line that takes its time, with libmodbus at the other end. */
export async function onShaper<T>(folder: string, baudRate: number, turnaroundMs: number, unitIds: readonly number[], work: (line: Shaped) => Promise<T>): Promise<T> {
  await using shaper = run(compiled(path.join(here, '../../support/shaper.c'), folder), [baudRate, 10, turnaroundMs])
  const { gateway, device } = await shaper.next<{ gateway: string; device: string }>()
  const libmodbus = run(compiled(path.join(here, '../../support/libmodbus-server.c'), folder, libmodbusFlags), [device, 115_200, 'N', ...unitIds])
  await using _ = libmodbus
  await new Promise((resolve) => libmodbus.process.stdout!.once('data', resolve))
  return await work({ gateway, ask: () => shaper.ask('') })
}

/** Microseconds a point and poll from 100 to 10,000 points in blocks of 100. */
export function cost(): Promise<{ readonly few: number; readonly many: number }> {
  return inFolder(async (folder) => {
    await using server = run(compiled(path.join(here, 'server.c'), folder), [10, 'spin'])
    const { port } = await server.next<{ port: number }>()
    const measure = async (devices: number): Promise<number> => {
      await using asked = client(port, { devices, connections: 1, ms: 3_000 })
      await asked.next()
      await clock.sleep(2_000)
      return (await asked.ask<{ cpuUs: number }>('run')).cpuUs / 100
    }
    const [few, many]: [number[], number[]] = [[], []]
    for (let round = 0; round < 5; round++) { few.push(await measure(1)); many.push(await measure(100)) }
    return { few: median(few), many: median(many) }
  })
}
