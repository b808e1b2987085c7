import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { FakeClock, silentLog } from '../../gateway/kit/index.ts'
import { FileHistory } from '../../gateway/history/index.ts'
import { inFolder, median } from './processes.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const hour = 3_600_000
const start = Date.UTC(2026, 2, 1)

export interface HistoryFigures {
  readonly chart24hMs: number
  readonly chart24hP99Ms: number
  readonly bytesPerChange: number
  readonly kernelBytesPerChange: number
  readonly microsecondsPerChange: number
  readonly memoryMb20: number
  readonly memoryMb1000: number
  readonly reopenMs: number
}

/** A day of `count` points, each changing every `everyMs`, in virtual time, and charts of one point among them. */
export function history(count = 1_000, everyMs = 120_000): Promise<HistoryFigures> {
  return inFolder(async (folder) => {
    const memoryMb20 = await memory(`${folder}/20`, 20)
    const memoryMb1000 = await memory(`${folder}/1000`, 1_000)
    const clock = new FakeClock(start)
    const open = (): FileHistory => new FileHistory({ folder: `${folder}/day`, clock, log: silentLog(), maxBytes: 1 << 30, rawDays: 7, minuteDays: 62, minFreeBytes: 0 })
    let history = open()
    const written = kernelBytes()
    const changes = await live(history, clock, count, 24 * hour, everyMs)
    await history.span()
    const kernel = kernelBytes() - written
    const { bytesWritten } = history.statistics()
    await history[Symbol.asyncDispose]()
    const began = performance.now()
    history = open()
    await history.chart('nobody.here', 0, 60_000, 1)
    const reopenMs = performance.now() - began
    const times: number[] = []
    for (let n = 0; n < 200; n++) {
      const asked = performance.now()
      const { slots } = await history.chart(`device-${(n * 7) % count}.value`, start, start + 24 * hour, 1_440)
      times.push(performance.now() - asked)
      if (slots.filter(({ quality }) => quality === 'good').length < 1_430) throw new Error('the chart has holes')
    }
    await history[Symbol.asyncDispose]()
    return { chart24hMs: median(times), chart24hP99Ms: times.toSorted((a, b) => a - b)[197]!, bytesPerChange: bytesWritten / changes, kernelBytesPerChange: kernel / changes, microsecondsPerChange: await hotPath(`${folder}/hot`), memoryMb20, memoryMb1000, reopenMs }
  })
}

async function live(history: FileHistory, clock: FakeClock, count: number, ms: number, everyMs: number): Promise<number> {
  let changes = 0
  const steps = Math.max(1, Math.round(everyMs / 1_000))
  for (let second = 0; second * 1_000 < ms; second++) {
    const at = clock.now()
    const readings = []
    for (let point = second % steps; point < count; point += steps) readings.push({ pointId: `device-${point}.value`, value: Math.round(2_000 + 300 * Math.sin(point + at / 3e6) + 10 * Math.sin(at)) / 10, at, receivedAt: at, quality: 'good' as const })
    history.readings(readings)
    changes += readings.length
    await clock.advance(1_000)
    if (second % 30 === 0) await history.span()
  }
  return changes
}

/** Main-thread microseconds for one change, raw block, compression and file included. */
async function hotPath(folder: string): Promise<number> {
  const clock = new FakeClock(start)
  await using history = new FileHistory({ folder, clock, log: silentLog(), maxBytes: 1 << 30, rawDays: 7, minuteDays: 62, minFreeBytes: 0 })
  const ids = Array.from({ length: 1_000 }, (_, n) => `device-${n}.value`)
  const rounds: number[] = []
  for (let second = 0; second < 60; second++) {
    const at = clock.now()
    const readings = Array.from({ length: 10_000 }, (_, n) => ({ pointId: ids[n % 1_000]!, value: (second * 7 + n) / 10, at: at + Math.floor(n / 10), receivedAt: at + Math.floor(n / 10), quality: 'good' as const }))
    const cpu = process.cpuUsage()
    for (let from = 0; from < readings.length; from += 10) history.readings(readings.slice(from, from + 10))
    await clock.advance(1_000)
    await history.chart('nobody.here', 0, 60_000, 1)
    const { user, system } = process.cpuUsage(cpu)
    rounds.push((user + system) / readings.length)
  }
  return median(rounds)
}

/** Heap and buffers that an hour of `count` points, all changing every minute, adds. */
async function memory(folder: string, count: number): Promise<number> {
  const used = (): number => { collect(); collect(); const { heapUsed, arrayBuffers } = process.memoryUsage(); return heapUsed + arrayBuffers }
  const clock = new FakeClock(start)
  const before = used()
  await using history = new FileHistory({ folder, clock, log: silentLog(), maxBytes: 1 << 30, rawDays: 7, minuteDays: 62, minFreeBytes: 0 })
  await live(history, clock, count, hour - 60_000, 60_000)
  return (used() - before) / 1e6
}

/** Bytes this process has caused to be written (proc(5), io). */
const kernelBytes = (): number => Number(/write_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1])

